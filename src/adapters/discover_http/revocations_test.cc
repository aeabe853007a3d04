#include "adapters/discover_http/revocations.h"

#include <gtest/gtest.h>

#include "adapters/contract/revocations_contract.h"
#include "adapters/memory/directory.h"
#include "adapters/memory/revocations.h"
#include "chat/clock.h"
#include "runtime/http_server.h"
#include "sv_discover/endpoints.h"

namespace simplechat::adapters::discover_http {
namespace {

using namespace std::chrono_literals;

std::int64_t system_s() { return chat::system_wall_clock() / 1'000'000; }

class NoPlainRecords final : public chat::PlainRecords {
 public:
  chat::Task<chat::Result<void>> set_plain(const std::string&, const std::string&) override { co_return refusal(); }
  chat::Task<chat::Result<void>> remove_plain(const std::string&) override { co_return refusal(); }
  chat::Task<chat::Result<std::optional<std::string>>> find_plain(const std::string&) override { co_return refusal(); }

 private:
  static std::unexpected<chat::Error> refusal() {
    return chat::fail(chat::ErrorCode::internal, "not part of the test");
  }
};

// sv-discover over revocations in memory, and a client of it, all on one reactor that the test runs.
class Harness final : public contract::RevocationsHarness {
 public:
  explicit Harness(const std::string& client_secret = "s3cret")
      : client_(reactor_.executor(), {.origin = "http://127.0.0.1:" + std::to_string(server_.port()),
                                      .cluster_secret = client_secret,
                                      .deadline = 20s}) {
    sv_discover::add_endpoints(routes_, {.directory = directory_,
                                         .plain_records = no_plain_records_,
                                         .revocations = memory_,
                                         .locator = locator_,
                                         .probe = probe_,
                                         .cluster_secret = "s3cret"});
    server_.start();
  }

  chat::Revocations& revocations() override { return client_; }
  boost::asio::io_context& io() override { return reactor_.io(); }

 private:
  runtime::Reactor reactor_{0};
  memory::MemoryDirectory directory_{std::chrono::steady_clock::now, chat::system_wall_clock};
  memory::MemoryRevocations memory_{system_s, "run-1"};
  NoPlainRecords no_plain_records_;
  runtime::MetricsRegistry metrics_;
  sv_discover::Probe probe_{metrics_, sv_discover::Locator::kUsersWaitingMax};
  sv_discover::Locator locator_{reactor_.executor(), directory_, probe_};
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor_, {}, routes_};
  DiscoverHttpRevocations client_;
};

std::unique_ptr<contract::RevocationsHarness> make_harness() { return std::make_unique<Harness>(); }

TEST(DiscoverHttpRevocations, AWrongSecretMakesItUnavailable) {
  Harness harness("wr0ng");
  const auto changes = contract::run_to_end(harness.io(), harness.revocations().changes_since(""));
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, chat::ErrorCode::unavailable);
}

}  // namespace
}  // namespace simplechat::adapters::discover_http

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(DiscoverHttp, RevocationsContract,
                         ::testing::Values(RevocationsFactory(discover_http::make_harness)));
}  // namespace simplechat::adapters::contract

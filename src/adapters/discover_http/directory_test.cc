#include "adapters/discover_http/directory.h"

#include <gtest/gtest.h>

#include "adapters/contract/directory_contract.h"
#include "adapters/memory/directory.h"
#include "adapters/memory/revocations.h"
#include "chat/clock.h"
#include "runtime/http_server.h"
#include "sv_discover/endpoints.h"

namespace simplechat::adapters::discover_http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const chat::GatewayIdentity kGateway{.url = "http://10.0.0.1:3002", .incarnation = "run-1"};

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

// sv-discover over a directory in memory, and a client of it, all on one reactor that the test runs.
class Harness final : public contract::DirectoryHarness {
 public:
  explicit Harness(const std::string& client_secret = "s3cret")
      : client_(reactor_.executor(), {.origin = origin(), .cluster_secret = client_secret, .deadline = 20s},
                dependency_) {
    sv_discover::add_endpoints(routes_, {.directory = memory_,
                                         .plain_records = no_plain_records_,
                                         .revocations = revocations_,
                                         .locator = locator_,
                                         .probe = probe_,
                                         .cluster_secret = "s3cret"});
    server_.start();
  }

  DiscoverHttpDirectory& directory() override { return client_; }
  boost::asio::io_context& io() override { return reactor_.io(); }
  void let_pass(std::chrono::milliseconds time) override { now_ += time; }

  [[nodiscard]] std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  runtime::Dependency& dependency() { return dependency_; }
  template <class T>
  T run(chat::Task<T> call) {
    return contract::run_to_end(io(), std::move(call));
  }

 private:
  runtime::Reactor reactor_{0};
  std::chrono::steady_clock::time_point now_;
  memory::MemoryDirectory memory_{[this] { return now_; }, chat::system_wall_clock};
  NoPlainRecords no_plain_records_;
  memory::MemoryRevocations revocations_{[] { return std::int64_t{0}; }, "run-1"};
  runtime::MetricsRegistry metrics_;
  sv_discover::Probe probe_{metrics_, sv_discover::Locator::kUsersWaitingMax};
  sv_discover::Locator locator_{reactor_.executor(), memory_, probe_};
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor_, {}, routes_};
  runtime::Dependency dependency_{"sv-discover"};
  DiscoverHttpDirectory client_;
};

TEST(DiscoverHttpDirectory, ReportsWhetherSvDiscoverIsThere) {
  Harness harness;
  EXPECT_FALSE(harness.dependency().state().up);
  EXPECT_TRUE(harness.run(harness.directory().renew(kGateway, 10s)).has_value());
  EXPECT_TRUE(harness.dependency().state().up);
}

TEST(DiscoverHttpDirectory, AWrongSecretMakesItUnavailableAndIsNotShown) {
  Harness harness("wr0ng");
  const auto renewed = harness.run(harness.directory().renew(kGateway, 10s));
  ASSERT_FALSE(renewed.has_value());
  EXPECT_EQ(renewed.error().code, chat::ErrorCode::unavailable);
  EXPECT_EQ(renewed.error().message, "sv-discover " + harness.origin() + "/v1/renew: answered 401");
  EXPECT_EQ(harness.dependency().state().reason, renewed.error().message);
}

TEST(DiscoverHttpDirectory, NobodyListeningMakesItUnavailable) {
  std::string origin;
  {
    origin = Harness().origin();
  }
  boost::asio::io_context io;
  runtime::Dependency dependency("sv-discover");
  DiscoverHttpDirectory directory(io.get_executor(), {.origin = origin}, dependency);
  const std::vector<std::string> users{"alice"};
  const auto found = contract::run_to_end(io, directory.locate(users));
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, chat::ErrorCode::unavailable);
  EXPECT_FALSE(dependency.state().up);
  EXPECT_THAT(dependency.state().reason, HasSubstr("Connection refused"));
}

// A server whose answers the test gives.
class Answers : public ::testing::Test {
 protected:
  Answers() {
    const auto answer = [this](const runtime::HttpRequest&,
                               const std::vector<std::string>&) -> boost::asio::awaitable<runtime::HttpResponse> {
      co_return response_;
    };
    for (const char* path : {"/v1/renew", "/v1/locate"}) routes_.add("POST", path, answer);
    server_.start();
  }

  chat::Result<chat::LeaseState> renew() {
    return contract::run_to_end(reactor_.io(), directory_.renew(kGateway, 10s));
  }

  runtime::Reactor reactor_{0};
  runtime::HttpResponse response_;
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor_, {}, routes_};
  runtime::Dependency dependency_{"sv-discover"};
  DiscoverHttpDirectory directory_{
      reactor_.executor(), {.origin = "http://127.0.0.1:" + std::to_string(server_.port())}, dependency_};
};

TEST_F(Answers, AnAnswerThatIsNotOfTheContractIsAFailure) {
  const std::vector<std::string> users{"alice", "bob"};
  for (const char* body : {"", "{}", "<html>", R"({"status":"error"})", R"({"status":"success","gateways":[[]]})",
                           R"({"status":"success","gateways":[[],[],[]]})"}) {
    response_ = {.body = body};
    const auto found = contract::run_to_end(reactor_.io(), directory_.locate(users));
    ASSERT_FALSE(found.has_value()) << body;
    EXPECT_EQ(found.error().code, chat::ErrorCode::unavailable);
    const auto renewed = renew();
    ASSERT_FALSE(renewed.has_value()) << body;
    EXPECT_EQ(renewed.error().code, chat::ErrorCode::unavailable);
    EXPECT_FALSE(dependency_.state().up);
  }
}

std::unique_ptr<contract::DirectoryHarness> make_harness() { return std::make_unique<Harness>(); }

}  // namespace
}  // namespace simplechat::adapters::discover_http

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(DiscoverHttp, DirectoryContract,
                         ::testing::Values(DirectoryFactory(discover_http::make_harness)));
}  // namespace simplechat::adapters::contract

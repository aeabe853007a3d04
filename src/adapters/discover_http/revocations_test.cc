#include "adapters/discover_http/revocations.h"

#include <gtest/gtest.h>

#include "adapters/contract/revocations_contract.h"
#include "adapters/discover_http/sv_discover_stand_in_test.h"

namespace simplechat::adapters::discover_http {
namespace {

using namespace std::chrono_literals;

class Harness final : public contract::RevocationsHarness {
 public:
  explicit Harness(const std::string& client_secret = SvDiscoverStandIn::kSecret)
      : client_(service_.reactor().executor(),
                {.origin = service_.origin(), .cluster_secret = client_secret, .deadline = 20s}) {}

  chat::Revocations& revocations() override { return client_; }
  boost::asio::io_context& io() override { return service_.reactor().io(); }

 private:
  SvDiscoverStandIn service_;
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

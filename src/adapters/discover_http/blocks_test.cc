#include "adapters/discover_http/blocks.h"

#include <gtest/gtest.h>

#include "adapters/contract/blocks_contract.h"
#include "adapters/discover_http/sv_discover_stand_in_test.h"

namespace simplechat::adapters::discover_http {
namespace {

using namespace std::chrono_literals;

class Harness final : public contract::BlocksHarness {
 public:
  explicit Harness(const chat::BlockLimits& limits, const std::string& client_secret = SvDiscoverStandIn::kSecret)
      : service_(limits),
        client_(service_.reactor().executor(),
                {.origin = service_.origin(), .cluster_secret = client_secret, .deadline = 20s}) {}

  chat::Blocks& blocks() override { return client_; }
  boost::asio::io_context& io() override { return service_.reactor().io(); }

 private:
  SvDiscoverStandIn service_;
  DiscoverHttpBlocks client_;
};

std::unique_ptr<contract::BlocksHarness> make_harness(const chat::BlockLimits& limits) {
  return std::make_unique<Harness>(limits);
}

TEST(DiscoverHttpBlocks, AWrongSecretMakesItUnavailable) {
  Harness harness({}, "wr0ng");
  const auto changes = contract::run_to_end(harness.io(), harness.blocks().blocks_since(""));
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, chat::ErrorCode::unavailable);
}

}  // namespace
}  // namespace simplechat::adapters::discover_http

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(DiscoverHttp, BlocksContract, ::testing::Values(BlocksFactory(discover_http::make_harness)));
}  // namespace simplechat::adapters::contract

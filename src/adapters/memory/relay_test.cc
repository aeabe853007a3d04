#include "adapters/memory/relay.h"

#include <gtest/gtest.h>

#include "adapters/contract/relay_contract.h"

namespace simplechat::adapters::memory {
namespace {

class Harness final : public contract::RelayHarness {
 public:
  MemoryRelay& relay() override { return relay_; }
  boost::asio::io_context& io() override { return io_; }
  std::string start(contract::ReceivingGateway& gateway) override {
    const std::string url = "http://10.0.0." + std::to_string(++gateways_) + ":3002";
    relay_.attach(url,
                  [&gateway](const chat::DeliveryBatch& batch) -> chat::Task<chat::Result<std::vector<std::size_t>>> {
                    co_return gateway.take(batch);
                  });
    return url;
  }
  void stop(const std::string& url) override { relay_.detach(url); }

 private:
  boost::asio::io_context io_;
  MemoryRelay relay_;
  int gateways_ = 0;
};

TEST(MemoryRelay, ALaterReceiverTakesTheUrlOver) {
  Harness harness;
  contract::ReceivingGateway before{.users = {"alice"}};
  contract::ReceivingGateway after{.users = {"alice"}};
  const std::string url = harness.start(before);
  harness.relay().attach(
      url, [&after](const chat::DeliveryBatch& batch) -> chat::Task<chat::Result<std::vector<std::size_t>>> {
        co_return after.take(batch);
      });
  chat::DeliveryBatch batch;
  batch.add({.user = "alice", .frame = "{}"});
  ASSERT_TRUE(contract::run_to_end(harness.io(), harness.relay().deliver(url, batch)));
  EXPECT_EQ(before.received.size(), 0U);
  EXPECT_EQ(after.received.size(), 1U);
}

std::unique_ptr<contract::RelayHarness> make_harness() { return std::make_unique<Harness>(); }

}  // namespace
}  // namespace simplechat::adapters::memory

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Memory, RelayContract, ::testing::Values(RelayFactory(memory::make_harness)));
}  // namespace simplechat::adapters::contract

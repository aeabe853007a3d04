#include <gtest/gtest.h>

#include <random>

#include "adapters/contract/revocations_contract.h"
#include "adapters/redis/directory.h"
#include "adapters/redis/private_server.h"
#include "adapters/redis/shared_server.h"

namespace simplechat::adapters::redis {
namespace {

using namespace std::chrono_literals;
using contract::run_to_end;

class Harness final : public contract::RevocationsHarness {
 public:
  ~Harness() override {
    auto redis = Connection::open(shared_server(), 10s);
    for (const char* key : {"revocations", "revocations:changes", "revocations:ends", "revocations:state"}) {
      if (redis) EXPECT_TRUE(redis->call({"DEL", prefix_ + key}).has_value());
    }
  }
  chat::Revocations& revocations() override { return directory_; }
  boost::asio::io_context& io() override { return io_; }

 private:
  boost::asio::io_context io_;
  runtime::Dependency dependency_{"redis"};
  const std::string prefix_ = "test-" + std::to_string(std::random_device{}()) + ":";
  RedisDirectory directory_{shared_server(), dependency_, prefix_};
};

std::unique_ptr<contract::RevocationsHarness> make_harness() { return std::make_unique<Harness>(); }

chat::Revocation of_user(const std::string& user) {
  return {.what = chat::Revoked::user, .subject = user, .issued_until_s = 17, .kept_until_s = 9'999'999'999};
}

TEST(RedisRevocations, ARedisThatLostThemHasAnotherVersion) {
  boost::asio::io_context io;
  PrivateServer server;
  server.start();
  runtime::Dependency dependency("redis");
  RedisDirectory directory(server.url(), dependency);
  const auto alice = of_user("alice");
  ASSERT_TRUE(run_to_end(io, directory.revoke(std::span(&alice, 1))));
  const auto before = run_to_end(io, directory.changes_since(""));
  ASSERT_TRUE(before);
  EXPECT_EQ(before->revocations, std::vector<chat::Revocation>{alice});
  auto redis = Connection::open(server.url(), 10s);
  ASSERT_TRUE(redis);
  ASSERT_TRUE(redis->call({"FLUSHALL"}));
  const auto after = run_to_end(io, directory.changes_since(before->version));
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->all);
  EXPECT_TRUE(after->revocations.empty());
  EXPECT_NE(after->version, before->version);
}

}  // namespace
}  // namespace simplechat::adapters::redis

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Redis, RevocationsContract, ::testing::Values(RevocationsFactory(redis::make_harness)));
}  // namespace simplechat::adapters::contract

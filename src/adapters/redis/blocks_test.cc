#include <gtest/gtest.h>

#include <random>

#include "adapters/contract/blocks_contract.h"
#include "adapters/redis/directory.h"
#include "adapters/redis/private_server.h"
#include "adapters/redis/shared_server.h"

namespace simplechat::adapters::redis {
namespace {

using namespace std::chrono_literals;
using contract::run_to_end;

class Harness final : public contract::BlocksHarness {
 public:
  explicit Harness(const chat::BlockLimits& limits)
      : directory_(shared_server(), dependency_, prefix_, nullptr, limits) {}
  ~Harness() override {
    auto redis = Connection::open(shared_server(), 10s);
    for (const char* key : {"blocks", "blocks:removed", "blocks:counts", "blocks:state"}) {
      if (redis) EXPECT_TRUE(redis->call({"DEL", prefix_ + key}).has_value());
    }
  }
  chat::Blocks& blocks() override { return directory_; }
  boost::asio::io_context& io() override { return io_; }

 private:
  boost::asio::io_context io_;
  runtime::Dependency dependency_{"redis"};
  const std::string prefix_ = "test-" + std::to_string(std::random_device{}()) + ":";
  RedisDirectory directory_;
};

std::unique_ptr<contract::BlocksHarness> make_harness(const chat::BlockLimits& limits) {
  return std::make_unique<Harness>(limits);
}

class RedisBlocksFault : public ::testing::Test {
 protected:
  void block(const std::string& user, const std::string& blocked) {
    const chat::BlockChange change{.user = user, .blocked = blocked};
    const auto kept = run_to_end(io_, directory_.change_blocks(std::span(&change, 1)));
    ASSERT_TRUE(kept) << kept.error().message;
  }
  // Also while the connection is not back yet.
  chat::BlockChanges ask(const std::string& version) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    for (;;) {
      const auto changes = run_to_end(io_, directory_.blocks_since(version));
      if (changes) return *changes;
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(changes.error().message);
      std::this_thread::sleep_for(10ms);
    }
  }

  boost::asio::io_context io_;
  PrivateServer server_{{"--appendonly", "yes", "--appendfsync", "always"}};
  runtime::Dependency dependency_{"redis"};
  RedisDirectory directory_{server_.url(), dependency_};
};

TEST_F(RedisBlocksFault, ARedisThatLostThemHasAnotherVersion) {
  server_.start();
  block("alice", "bob");
  const std::string before = ask("").version;
  server_.command({"FLUSHALL"});
  const auto after = ask(before);
  EXPECT_TRUE(after.all);
  EXPECT_TRUE(after.lost);
  EXPECT_TRUE(after.changes.empty());
}

TEST_F(RedisBlocksFault, ARestartIsTakenForALossThoughTheDataAreKept) {
  server_.start();
  block("alice", "bob");
  const std::string before = ask("").version;
  server_.kill();
  server_.start();
  const auto after = ask(before);
  EXPECT_TRUE(after.all);
  EXPECT_TRUE(after.lost);
  EXPECT_EQ(after.changes, (std::vector<chat::BlockChange>{{.user = "alice", .blocked = "bob"}}));
  EXPECT_FALSE(ask(after.version).all);
}

}  // namespace
}  // namespace simplechat::adapters::redis

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Redis, BlocksContract, ::testing::Values(BlocksFactory(redis::make_harness)));
}  // namespace simplechat::adapters::contract

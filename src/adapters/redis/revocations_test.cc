#include <gtest/gtest.h>

#include <random>
#include <thread>

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

class RedisRevocationsFault : public ::testing::Test {
 protected:
  RedisRevocationsFault() { server_.start(); }

  // Also while the connection is not back yet.
  template <class Call>
  auto repeat_until_done(Call call) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    for (;;) {
      const auto outcome = run_to_end(io_, call());
      if (outcome) return outcome;
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(outcome.error().message);
      std::this_thread::sleep_for(10ms);
    }
  }
  void revoke(const chat::Revocation& revocation) {
    static_cast<void>(repeat_until_done([&] { return directory_.revoke(std::span(&revocation, 1)); }));
  }
  chat::RevocationChanges ask(const std::string& version) {
    return *repeat_until_done([&] { return directory_.changes_since(version); });
  }

  boost::asio::io_context io_;
  PrivateServer server_;
  runtime::Dependency dependency_{"redis"};
  RedisDirectory directory_{server_.url(), dependency_};
};

TEST_F(RedisRevocationsFault, ARedisThatLostThemHasAnotherVersion) {
  revoke(of_user("alice"));
  const auto before = ask("");
  EXPECT_EQ(before.revocations, std::vector<chat::Revocation>{of_user("alice")});
  server_.command({"FLUSHALL"});
  const auto after = ask(before.version);
  EXPECT_TRUE(after.all);
  EXPECT_TRUE(after.revocations.empty());
  EXPECT_NE(after.version, before.version);
}

TEST_F(RedisRevocationsFault, WhatIsRevokedAfterARestartIsNotTakenForWhatWasLostWithIt) {
  revoke(of_user("alice"));
  server_.command({"SAVE"});
  revoke(of_user("bob"));
  const std::string before = ask("").version;
  server_.kill();
  server_.start();           // bob's is lost
  revoke(of_user("carol"));  // as many changes as before
  const auto after = ask(before);
  EXPECT_TRUE(after.all) << "who knows bob's has to revoke it again";
  EXPECT_EQ(after.revocations, (std::vector<chat::Revocation>{of_user("alice"), of_user("carol")}));
  EXPECT_FALSE(ask(after.version).all);
}

}  // namespace
}  // namespace simplechat::adapters::redis

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Redis, RevocationsContract, ::testing::Values(RevocationsFactory(redis::make_harness)));
}  // namespace simplechat::adapters::contract

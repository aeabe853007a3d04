#include "adapters/redis/directory.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "adapters/contract/directory_contract.h"
#include "adapters/redis/private_server.h"
#include "adapters/redis/shared_server.h"

namespace simplechat::adapters::redis {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const chat::GatewayIdentity kGateway{.url = "http://10.0.0.1:3002", .incarnation = "run-1"};

// --- the contract, on the server that SIMPLECHAT_TEST_REDIS_URL names ---

class ContractHarness final : public contract::DirectoryHarness {
 public:
  ~ContractHarness() override {
    auto redis = Connection::open(shared_server(), 10s);
    const auto keys = redis ? redis->call({"KEYS", prefix_ + "*"}) : std::unexpected(redis.error());
    for (std::size_t i = 0; keys && i < (*keys)->elements; ++i) redis->append({"DEL", text_of(*(*keys)->element[i])});
    for (std::size_t i = 0; keys && i < (*keys)->elements; ++i) EXPECT_TRUE(redis->receive_success().has_value());
  }
  chat::Directory& directory() override { return directory_; }
  boost::asio::io_context& io() override { return io_; }
  void let_pass(std::chrono::milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  boost::asio::io_context io_;
  runtime::Dependency dependency_{"redis"};
  const std::string prefix_ = "test-" + std::to_string(std::random_device{}()) + ":";
  RedisDirectory directory_{shared_server(), dependency_, prefix_};
  std::string opening_;  // as last heard
};

std::unique_ptr<contract::DirectoryHarness> make_harness() { return std::make_unique<ContractHarness>(); }

// --- faults, on a server of the test's own ---

// A directory on `server`, which need not run yet.
class Client {
 public:
  explicit Client(Url url) : directory_(std::move(url), dependency_) {}

  template <class T>
  T run(chat::Task<T> call) {
    return contract::run_to_end(io_, std::move(call));
  }
  // Repeats the call until Redis is there again.
  template <class T>
  T run_until_available(const std::function<chat::Task<chat::Result<T>>()>& call) {
    const auto deadline = std::chrono::steady_clock::now() + contract::kTestDeadline;
    while (true) {
      chat::Result<T> result = run(call());
      if (result) {
        if constexpr (std::is_void_v<T>)
          return;
        else
          return *std::move(result);
      }
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(result.error().message);
      std::this_thread::sleep_for(10ms);
    }
  }
  std::string opening() {
    return run_until_available<chat::LeaseState>([&] { return directory_.renew(kGateway, 600s); }).opening;
  }
  // Whether the directory has kept the records since the renewal before.
  bool renew() {
    const std::string now = opening();
    return std::exchange(opening_, now) == now;
  }
  void apply(const std::vector<chat::RecordChange>& changes, const chat::GatewayIdentity& gateway = kGateway) {
    run_until_available<chat::Timestamp>([&] { return directory_.apply(gateway, changes); });
  }
  std::vector<std::string> locate(const std::string& user) {
    const std::vector<std::string> users{user};
    return contract::urls_of(run_until_available<chat::Locations>([&] { return directory_.locate(users); })).front();
  }
  chat::Error failure_of_renew() {
    const chat::Result<chat::LeaseState> result = run(directory_.renew(kGateway, 600s));
    if (result) throw std::runtime_error("renew succeeded");
    return result.error();
  }

  RedisDirectory& directory() { return directory_; }
  runtime::Dependency& dependency() { return dependency_; }
  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::io_context io_;
  runtime::Dependency dependency_{"redis"};
  RedisDirectory directory_;
  std::string opening_;  // as last heard
};

chat::RecordChange present(std::string user, std::uint64_t fence) {
  return {.user = std::move(user), .present = true, .fence = fence};
}
chat::RecordChange absent(std::string user, std::uint64_t fence) {
  return {.user = std::move(user), .present = false, .fence = fence};
}

TEST(RedisDirectoryFaults, AServerThatIsDownAtTheStartIsUsedOnceItIsThere) {
  PrivateServer server;
  Client client(server.url());
  const chat::Error error = client.failure_of_renew();
  EXPECT_EQ(error.code, chat::ErrorCode::unavailable);
  EXPECT_THAT(error.message, HasSubstr("redis " + server.url().address() + ": Connection refused"));
  EXPECT_FALSE(client.dependency().state().up);
  EXPECT_EQ(client.dependency().state().reason, error.message);

  client.directory().start(client.io().get_executor());
  server.start();
  contract::run_until(client.io(), [&] { return client.dependency().state().up; });  // by its pings alone
  EXPECT_FALSE(client.renew());
  server.kill();
  contract::run_until(client.io(), [&] { return !client.dependency().state().up; });
  boost::asio::co_spawn(client.io(), client.directory().stop(), boost::asio::detached);
  client.io().run();  // ends, because nothing pings any more
}

TEST(RedisDirectoryFaults, AWrongPasswordIsNamedAsTheReasonButNotShown) {
  PrivateServer server({"--requirepass", "right-secret"});
  server.start();
  Url url = server.url();
  EXPECT_THAT(Client(url).failure_of_renew().message, HasSubstr("NOAUTH"));
  url.password = "wrong-secret";
  Client refused(url);
  EXPECT_THAT(refused.failure_of_renew().message, HasSubstr("WRONGPASS"));
  EXPECT_THAT(refused.dependency().state().reason, Not(HasSubstr("wrong-secret")));
  url.password = "right-secret";
  const std::string opening = Client(url).opening();
  url.user = "default";
  EXPECT_EQ(Client(url).opening(), opening);
}

TEST(RedisDirectoryFaults, DatabasesOfOneServerAreApart) {
  PrivateServer server;
  server.start();
  Url other = server.url();
  other.db = 5;
  const std::string opening = Client(other).opening();
  EXPECT_NE(Client(server.url()).opening(), opening);
  EXPECT_EQ(Client(other).opening(), opening);
}

TEST(RedisDirectoryFaults, ARestartWithoutItsDataIsNoticed) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  client.apply({present("alice", 1)});
  EXPECT_THAT(client.locate("alice"), ElementsAre(kGateway.url));
  server.kill();
  EXPECT_EQ(client.failure_of_renew().code, chat::ErrorCode::unavailable);
  EXPECT_FALSE(client.dependency().state().up);
  server.start();
  EXPECT_FALSE(client.renew());
  EXPECT_TRUE(client.dependency().state().up);
  EXPECT_THAT(client.locate("alice"), IsEmpty());
  client.apply({present("alice", 2)});
  EXPECT_THAT(client.locate("alice"), ElementsAre(kGateway.url));
  EXPECT_TRUE(client.renew());
}

TEST(RedisDirectoryFaults, ARestartWithAnOlderStateOfItsDataIsNoticed) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  client.apply({present("alice", 1)});
  server.command({"SAVE"});
  client.apply({present("bob", 2)});
  EXPECT_TRUE(client.renew());
  server.kill();
  server.start();
  EXPECT_THAT(client.locate("alice"), ElementsAre(kGateway.url)) << "the older state, with the lease in it, is there";
  EXPECT_THAT(client.locate("bob"), IsEmpty());
  EXPECT_FALSE(client.renew());
  EXPECT_TRUE(client.renew());
}

TEST(RedisDirectoryFaults, EmptyingTheServerIsNoticed) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  EXPECT_TRUE(client.renew());
  server.command({"FLUSHALL"});
  EXPECT_FALSE(client.renew());
}

TEST(RedisDirectoryFaults, AServerThatForgotItsScriptsIsTaughtThemAgain) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  server.command({"SCRIPT", "FLUSH"});
  const std::vector<chat::RecordChange> changes{present("alice", 1)};
  EXPECT_TRUE(client.run(client.directory().apply(kGateway, changes)).has_value());
  EXPECT_THAT(client.locate("alice"), ElementsAre(kGateway.url));
}

TEST(RedisDirectoryFaults, ACutConnectionIsReplacedAndNothingIsLost) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  client.apply({present("alice", 1)});
  server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  const std::vector<std::string> users{"alice"};
  const auto cut = client.run(client.directory().locate(users));
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, chat::ErrorCode::unavailable);
  EXPECT_THAT(client.locate("alice"), ElementsAre(kGateway.url));
  EXPECT_TRUE(client.renew());
}

TEST(RedisDirectoryFaults, EveryCallEndsWhileTheServerStandsStill) {
  constexpr int kCalls = 50;
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  server.stand_still();
  int failed = 0;
  const std::vector<std::string> users{"alice"};
  const auto look = [&]() -> chat::Task<void> {
    const auto found = co_await client.directory().locate(users);
    if (!found && found.error().code == chat::ErrorCode::unavailable) ++failed;
  };
  for (int i = 0; i < kCalls; ++i) boost::asio::co_spawn(client.io(), look(), boost::asio::detached);
  contract::run_until(client.io(), [&] { return failed == kCalls; });
  EXPECT_FALSE(client.dependency().state().up);
  server.go_on();
  EXPECT_TRUE(client.renew());
}

TEST(RedisDirectoryFaults, ARefusedWriteIsAnErrorAndIsOverWhenItsReasonIs) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  const std::vector<chat::RecordChange> changes{present("alice", 1)};
  const auto refused = client.run(client.directory().apply(kGateway, changes));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, chat::ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("OOM"));
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  client.apply(changes);
  EXPECT_THAT(client.locate("alice"), ElementsAre(kGateway.url));
}

// --- what stays in the server ---

TEST(RedisDirectoryKeys, LiveForADayAfterAWriteAndMinutesAfterTheLastRelease) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  const auto minutes_left = [&](const std::string& user) {
    return server.command({"PTTL", "simplechat:user:" + user})->integer / 60'000;
  };
  client.apply({present("alice", 1), present("bob", 2)});
  EXPECT_GT(minutes_left("alice"), 23 * 60);
  client.apply({absent("alice", 3)});
  EXPECT_GE(minutes_left("alice"), 9);
  EXPECT_LE(minutes_left("alice"), 10);
  client.apply({present("alice", 4)});
  EXPECT_GT(minutes_left("alice"), 23 * 60);
  const chat::GatewayIdentity other{.url = "http://10.0.0.2:3002", .incarnation = "run-2"};
  client.apply({absent("bob", 5)}, other);
  EXPECT_GT(minutes_left("bob"), 23 * 60) << "another gateway holds bob";
  client.apply({absent("bob", 6)});
  EXPECT_LE(minutes_left("bob"), 10) << "both have released bob";
}

TEST(RedisDirectoryKeys, LiveForMinutesAfterAReleaseBesideARecordOfADeadRun) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  client.apply({present("alice", 1)}, {.url = "http://10.0.0.2:3002", .incarnation = "crashed"});
  client.apply({present("alice", 2)});
  client.apply({absent("alice", 3)});
  EXPECT_LE(server.command({"PTTL", "simplechat:user:alice"})->integer, 10 * 60'000);
}

TEST(RedisDirectoryKeys, RecordsOfDeadRunsDoNotPileUp) {
  PrivateServer server;
  server.start();
  Client client(server.url());
  client.renew();
  client.apply({present("alice", 1)});
  for (int run = 0; run < 100; ++run) {
    client.apply({present("alice", 1)},
                 {.url = "http://10.0.0.2:3002", .incarnation = "crashed-" + std::to_string(run)});
  }
  EXPECT_LE(server.command({"HLEN", "simplechat:user:alice"})->integer,
            static_cast<long long>(RedisDirectory::kFieldsMax + 1));
  EXPECT_THAT(client.locate("alice"), ElementsAre(kGateway.url));
}

// --- plain records ---

class PlainRecords : public ::testing::Test {
 protected:
  PlainRecords() { server_.start(); }

  void set(const std::string& key, const std::string& value) {
    ASSERT_TRUE(client_.run(client_.directory().set_plain(key, value)));
  }
  void remove(const std::string& key) { ASSERT_TRUE(client_.run(client_.directory().remove_plain(key))); }
  std::optional<std::string> find(const std::string& key) {
    return client_.run(client_.directory().find_plain(key)).value();
  }

  PrivateServer server_;
  Client client_{server_.url()};
};

TEST_F(PlainRecords, HoldOneValueUntilItIsRemoved) {
  EXPECT_EQ(find("alice"), std::nullopt);
  set("alice", "http://a:1");
  set("alice", "http://b:1");
  set("bob", "");
  EXPECT_EQ(find("alice"), "http://b:1");
  EXPECT_EQ(find("bob"), "");
  remove("alice");
  remove("alice");
  EXPECT_EQ(find("alice"), std::nullopt);
}

TEST_F(PlainRecords, StandBesideLeasedOnes) {
  set("alice", "http://a:1");
  client_.renew();
  EXPECT_THAT(client_.locate("alice"), IsEmpty());
  client_.apply({present("alice", 1)});
  EXPECT_THAT(client_.locate("alice"), ElementsAre(kGateway.url));
  client_.apply({absent("alice", 2)});
  EXPECT_EQ(find("alice"), "http://a:1");
  client_.apply({present("alice", 3)});
  remove("alice");
  EXPECT_THAT(client_.locate("alice"), ElementsAre(kGateway.url));
}

TEST_F(PlainRecords, AreForgottenAfterADay) {
  set("alice", "http://a:1");
  const long long milliseconds = server_.command({"PTTL", "simplechat:user:alice"})->integer;
  EXPECT_GT(milliseconds, 23LL * 3'600'000);
  EXPECT_LE(milliseconds, 24LL * 3'600'000);
}

}  // namespace
}  // namespace simplechat::adapters::redis

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Redis, DirectoryContract, ::testing::Values(DirectoryFactory(redis::make_harness)));
}  // namespace simplechat::adapters::contract

// What callers see when the server fails under them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stop_token>
#include <thread>

#include "adapters/postgres/test_database.h"

namespace simplechat::adapters::postgres {
namespace {

using contract::message;
using ::testing::HasSubstr;

class Faults : public contract::StoreFixture {
 protected:
  Faults() : StoreFixture([](boost::asio::io_context&) { return std::make_unique<PostgresHarness>(kCallDeadline); }) {}
  PostgresHarness& harness() { return dynamic_cast<PostgresHarness&>(*harness_); }

  // Ends all connections of the store under test, as a crash of the server does.
  static void kill_connections(Session& killer) {
    static_cast<void>(
        killer.query("SELECT pg_terminate_backend(pid)::int::bigint FROM pg_stat_activity "
                     "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"));
  }

  static constexpr std::chrono::milliseconds kCallDeadline{2000};
};

TEST_F(Faults, AConnectionThatWasLostWhileIdleIsReplacedUnnoticed) {
  append({message("1", "alice", "bob", 1)});
  EXPECT_EQ(history_ids("alice", "bob"), Ids{"1"});
  Session killer(harness().url());
  kill_connections(killer);
  while (killer.number("SELECT count(*) FROM pg_stat_activity "
                       "WHERE datname = current_database() AND usename = current_user") > 1) {
  }
  append({message("2", "alice", "bob", 2)});
  EXPECT_EQ(history_ids("alice", "bob"), (Ids{"1", "2"}));
}

// What a transaction says was learned on the connection before: in another database it might mean others.
TEST_F(Faults, ATransactionDoesNotConnectAnew) {
  const auto expires_at = std::chrono::steady_clock::now() + kCallDeadline;
  Connection connection({.url = harness().url()});
  ASSERT_TRUE(connection.open(expires_at));
  ASSERT_TRUE(connection.transact({}, expires_at));
  Session killer(harness().url());
  kill_connections(killer);
  while (connection.is_open() && std::chrono::steady_clock::now() < expires_at) {
    const auto outcome = connection.transact({}, expires_at);
    if (!outcome) EXPECT_EQ(outcome.error().code, chat::ErrorCode::unavailable);
  }
  EXPECT_FALSE(connection.is_open());
  EXPECT_FALSE(connection.transact({}, expires_at)) << "though the server would take a new connection";
  EXPECT_TRUE(connection.open(expires_at));
  EXPECT_TRUE(connection.transact({}, expires_at));
}

TEST_F(Faults, AStatementThatWaitsEndsAtItsDeadlineAndTheNextOneWorks) {
  append({message("1", "alice", "bob", 1)});
  Session holder(harness().url());
  holder("BEGIN; LOCK TABLE message IN ACCESS EXCLUSIVE MODE");
  chat::RecordBatch batch;
  batch.messages.add(message("2", "alice", "bob", 2).view());
  const auto stuck = run(store().append(batch));
  ASSERT_FALSE(stuck.has_value());
  EXPECT_EQ(stuck.error().code, chat::ErrorCode::unavailable);
  EXPECT_FALSE(harness().writing().state().up);
  const auto unread = run(reader().history({.user = "alice", .with = "bob", .before = {}, .after = {}}));
  ASSERT_FALSE(unread.has_value());
  EXPECT_EQ(unread.error().code, chat::ErrorCode::unavailable);
  EXPECT_FALSE(harness().reading().state().up);
  holder("ROLLBACK");
  append(batch);
  EXPECT_EQ(history_ids("alice", "bob"), (Ids{"1", "2"}));
  EXPECT_TRUE(harness().writing().state().up);
  EXPECT_TRUE(harness().reading().state().up);
}

TEST_F(Faults, AServerThatIsNotThereIsUnavailableAtOnceWhileAttemptsAreSpaced) {
  runtime::Dependency dependency("postgres");
  PostgresReader nowhere({.url = "postgres://alice:secret@127.0.0.1:1/chat-db", .connections = 1}, dependency);
  for (int i = 0; i < 20; ++i) {
    const auto answer = run(nowhere.check());
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, chat::ErrorCode::unavailable);
  }
  EXPECT_FALSE(dependency.state().up);
  EXPECT_THAT(dependency.state().reason, HasSubstr("127.0.0.1"));
}

// Batches with retries, as sv-persist makes them, while connections are cut at any moment: before, during and after
// commits.
TEST_F(Faults, EveryBatchIsStoredOnceHoweverOftenConnectionsAreCut) {
  constexpr int kCuts = 40;
  constexpr int kBatchMessages = 20;
  std::atomic<int> cuts{0};
  std::jthread cutter([&cuts, url = harness().url()](const std::stop_token& stop) {
    Session killer(url);
    for (; cuts < kCuts && !stop.stop_requested(); ++cuts) {
      kill_connections(killer);
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + cuts % 7));  // long enough to connect and write again
    }
  });
  std::size_t written = 0;
  int failures = 0;
  const auto write_all = [&]() -> chat::Task<bool> {
    boost::asio::steady_timer pause(io_);
    while (cuts < kCuts) {
      chat::RecordBatch batch;
      for (int i = 0; i < kBatchMessages; ++i) {
        batch.messages.add(message(std::to_string(written++), "alice", "bob", 1).view());
      }
      for (chat::Result<void> stored = co_await store().append(batch); !stored;
           stored = co_await store().append(batch)) {
        if (stored.error().code != chat::ErrorCode::unavailable) co_return false;
        ++failures;
        pause.expires_after(std::chrono::milliseconds(1));
        co_await pause.async_wait(boost::asio::use_awaitable);
      }
    }
    co_return true;
  };
  ASSERT_TRUE(run(write_all()));
  cutter.join();
  EXPECT_GT(failures, 0);
  run_until([&] { return run(harness().reads().check()).has_value(); });
  Ids seen = sync_ids("bob", written);
  EXPECT_EQ(seen.size(), written);
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

}  // namespace
}  // namespace simplechat::adapters::postgres

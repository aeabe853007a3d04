#include "adapters/postgres/migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <string>
#include <thread>
#include <utility>

#include "adapters/postgres/cursor.h"
#include "adapters/postgres/test_database.h"

namespace simplechat::adapters::postgres {
namespace {

using ::testing::HasSubstr;

const int kWanted = static_cast<int>(migrations().size());

chat::Result<Store> find(const std::string& url) {
  Connection connection({.url = url});
  return find_store(connection, soon());
}

TEST(Migrations, AMissingDatabaseIsCreated) {
  const TestDatabase database;
  const auto missing = find(database.url());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, chat::ErrorCode::unavailable);

  const auto report = migrate(database.url(), soon());
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->database_created);
  EXPECT_EQ(report->version_before, 0);
  EXPECT_EQ(report->version, kWanted);
  EXPECT_TRUE(find(database.url()).has_value());
}

TEST(Migrations, AnExistingDatabaseGetsTheSchemaAndTheSecondTimeChangesNothing) {
  const TestDatabase database;
  Session server(test_server_url());
  server("CREATE DATABASE \"" + database.name() + "\"");
  const auto without_schema = find(database.url());
  ASSERT_FALSE(without_schema.has_value());
  EXPECT_THAT(without_schema.error().message, HasSubstr("sv-persist migrate"));

  const auto first = migrate(database.url(), soon());
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_FALSE(first->database_created);
  const std::string store_id = find(database.url())->id;

  const auto second = migrate(database.url(), soon());
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ(second->version_before, kWanted);
  EXPECT_EQ(second->version, kWanted);
  EXPECT_FALSE(second->store_adopted);
  EXPECT_EQ(find(database.url())->id, store_id);
}

TEST(Migrations, ManyAtOnceOnAMissingDatabaseAllSucceedAndApplyEachMigrationOnce) {
  const TestDatabase database;
  std::vector<chat::Result<MigrationReport>> reports(4);
  {
    std::vector<std::jthread> migrators;
    for (auto& report : reports) {
      migrators.emplace_back([&report, &database] { report = migrate(database.url(), soon()); });
    }
  }
  int created = 0;
  int applied = 0;
  for (const auto& report : reports) {
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->version, kWanted);
    created += report->database_created ? 1 : 0;
    applied += report->version - report->version_before;
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(applied, kWanted);
  EXPECT_EQ(Session(database.url()).number("SELECT count(*) FROM schema_migration"), kWanted);
}

TEST(Migrations, AnOlderSchemaIsRefusedAndANewerOneIsNot) {
  const TestDatabase database;
  ASSERT_TRUE(migrate(database.url(), soon()).has_value());
  Session session(database.url());
  session("INSERT INTO schema_migration (version, name) VALUES (9999, 'of a later program')");
  EXPECT_TRUE(find(database.url()).has_value());
  EXPECT_EQ(migrate(database.url(), soon())->version, 9999);
  session("DELETE FROM schema_migration");
  const auto older = find(database.url());
  ASSERT_FALSE(older.has_value());
  EXPECT_EQ(older.error().code, chat::ErrorCode::unavailable);
  EXPECT_THAT(older.error().message, HasSubstr("sv-persist migrate"));
}

TEST(Migrations, AnUnreachableServerIsUnavailableAndThePasswordIsNotInTheMessage) {
  const auto report = migrate("postgres://alice:sEcReT@127.0.0.1:1/chat-db", soon());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, chat::ErrorCode::unavailable);
  EXPECT_THAT(report.error().message, ::testing::Not(HasSubstr("sEcReT")));
}

// Everything that a client sees, from a database that a program with only the first migration has filled.
TEST(Migrations, WhatSchema1HoldsIsTheSameAfterTheOthers) {
  const TestDatabase database;
  Session server(test_server_url());
  server("CREATE DATABASE \"" + database.name() + "\" ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0");
  Connection old({.url = database.url()});
  const auto run_sql = [&old](const std::string& sql) {
    const auto done = old.execute(sql, soon());
    ASSERT_TRUE(done.has_value()) << done.error().message;
  };
  run_sql(migrations().front().sql);
  run_sql(
      "CREATE TABLE schema_migration (version int PRIMARY KEY, name text NOT NULL, applied_at timestamptz DEFAULT "
      "now());"
      "INSERT INTO schema_migration (version, name) VALUES (1, '0001_messages');"
      "INSERT INTO message (ordinal, at, conversation, sender, id, payload) VALUES"
      "  (0, 10, 'alice,bob', 'alice', 'first', 'a'), (1, 11, '#team', 'alice', 'to all', 'b');");
  run_sql(
      "INSERT INTO message (ordinal, at, conversation, sender, id, payload) VALUES"
      "  (0, 9, 'alice,bob', 'bob', 'late', 'c');"
      "INSERT INTO member VALUES ('alice', 'alice,bob'), ('bob', 'alice,bob'), ('alice', '#team');"
      "INSERT INTO mark VALUES ('alice,bob', 'bob', 10, 10), ('alice,carol', 'alice', 5, 0)");
  ASSERT_TRUE(migrate(database.url(), soon()).has_value());

  boost::asio::io_context io;
  runtime::Dependency dependency("postgres");
  PostgresReader reader({.url = database.url(), .connections = 1}, dependency);
  const auto ask = [&io](auto query) {
    auto answer = boost::asio::co_spawn(io, std::move(query), boost::asio::use_future);
    io.restart();
    io.run();
    return answer.get();
  };
  const auto history = ask(reader.history({.user = "alice", .with = "bob", .before = {}, .after = {}}));
  ASSERT_TRUE(history.has_value()) << history.error().message;
  ASSERT_EQ(history->messages.size(), 2U);
  EXPECT_EQ(history->messages[0].id, "late");
  EXPECT_EQ(history->messages[1].id, "first");
  EXPECT_EQ(history->messages[1].payload, "a");
  const auto listed = ask(reader.conversations({.user = "alice", .before = {}}));
  ASSERT_TRUE(listed.has_value()) << listed.error().message;
  ASSERT_EQ(listed->conversations.size(), 2U);
  EXPECT_EQ(listed->conversations[1].with, "bob");
  EXPECT_EQ(listed->conversations[1].peer_read_at, 10);

  // A cursor from before the migration goes on behind it.
  const auto of = [&](const std::string& text) { return Session(database.url()).number(text); };
  const std::string cursor = make_cursor(
      {.commit_xid = of("SELECT min(commit_xid::text::bigint) FROM message"), .ordinal = 0}, find(database.url())->id);
  const auto rest = ask(reader.sync({.user = "alice", .cursor = cursor}));
  ASSERT_TRUE(rest.has_value()) << rest.error().message;
  ASSERT_EQ(rest->messages.size(), 2U);
  EXPECT_EQ(rest->messages[0].id, "to all");
  EXPECT_EQ(rest->messages[1].id, "late");
}

class Restored : public contract::StoreFixture {
 protected:
  Restored() : StoreFixture([](boost::asio::io_context&) { return std::make_unique<PostgresHarness>(); }) {}
  PostgresHarness& harness() { return dynamic_cast<PostgresHarness&>(*harness_); }
};

// Another server's transaction ids are simulated by shifting them far ahead of this server's.
TEST_F(Restored, ADatabaseOfAnotherServerIsRefusedUntilItIsAdoptedAndSyncsFromTheStart) {
  for (int i = 0; i < 5; ++i) append({contract::message(std::to_string(i), "alice", "bob", i)});
  sync_ids("alice", 5);
  const std::string cursor = sync({.user = "alice", .cursor = "", .limit = 2}).cursor;
  Session session(harness().url());
  session("UPDATE store SET system_identifier = system_identifier + 1");
  session("UPDATE message SET commit_xid = (commit_xid::text::bigint + 1000000000)::text::xid8");

  ASSERT_FALSE(run(harness().reads().check()).has_value());
  EXPECT_THAT(harness().reading().state().reason, HasSubstr("sv-persist migrate"));
  const auto fresh = harness().make_store();
  EXPECT_FALSE(run(fresh->append({})).has_value());

  const auto report = migrate(harness().url(), soon());
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->store_adopted);
  ASSERT_TRUE(run(harness().reads().check()).has_value());
  runtime::Dependency dependency("postgres");
  PostgresReader fresh_reader({.url = harness().url(), .connections = 1}, dependency);
  const auto old = run(fresh_reader.sync({.user = "alice", .cursor = cursor}));
  ASSERT_FALSE(old.has_value());
  EXPECT_EQ(old.error().code, chat::ErrorCode::bad_frame);
  Chain chain{.user = "alice", .limit = 2};
  follow(chain, 5);
  EXPECT_EQ(chain.seen, (Ids{"0", "1", "2", "3", "4"}));
}

}  // namespace
}  // namespace simplechat::adapters::postgres

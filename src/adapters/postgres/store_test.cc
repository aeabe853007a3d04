#include "adapters/postgres/store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "adapters/contract/store_contract.h"
#include "adapters/postgres/cursor.h"
#include "adapters/postgres/migrations.h"
#include "adapters/postgres/test_database.h"

namespace simplechat::adapters::contract {

INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract, ::testing::Values(StoreFactory([](boost::asio::io_context&) {
                           return std::make_unique<postgres::PostgresHarness>();
                         })));

}  // namespace simplechat::adapters::contract

namespace simplechat::adapters::postgres {
namespace {

using contract::message;

std::unique_ptr<contract::StoreHarness> make_harness(boost::asio::io_context& /*io*/) {
  return std::make_unique<PostgresHarness>();
}

class PostgresStoreTest : public contract::StoreFixture {
 protected:
  PostgresStoreTest() : StoreFixture(make_harness) {}
  PostgresHarness& harness() { return dynamic_cast<PostgresHarness&>(*harness_); }
  chat::Result<void> try_append(const std::vector<chat::Message>& messages) {
    chat::RecordBatch batch;
    for (const chat::Message& each : messages) batch.messages.add(each.view());
    return run(store().append(batch));
  }
};

TEST_F(PostgresStoreTest, WhatTheDatabaseRefusesIsNotTakenForALostConnection) {
  const chat::Result<void> refused =
      try_append({message("1", "alice", "bob", 1), message("not \xff UTF-8", "alice", "bob", 2)});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, chat::ErrorCode::internal);
  EXPECT_TRUE(harness().writing().state().up);
  EXPECT_TRUE(history_ids("alice", "bob").empty()) << "all or nothing";
  append({message("1", "alice", "bob", 1)});
  EXPECT_EQ(conversation("bob", "alice").unread, 1) << "members of a batch that was refused are still unknown";
}

TEST_F(PostgresStoreTest, TheMembersOfARefusedBatchAreStoredWithTheNext) {
  ASSERT_FALSE(try_append({message("1", "alice", "#team", 1), message("\xff", "alice", "bob", 2)}).has_value());
  append({message("1", "alice", "#team", 1)});
  EXPECT_EQ(conversation("alice", "#team").last.id, "1");
}

TEST_F(PostgresStoreTest, RepeatsAreStoredOnceAlsoWhenNoneWereExpected) {
  for (int i = 0; i <= PostgresStore::kRepeatsExpectedMax; ++i)
    append({message("a" + std::to_string(i), "alice", "bob", i)});
  append({message("b", "bob", "alice", 1000), message("a0", "alice", "bob", 0), message("b", "bob", "alice", 1001)});
  append({message("c", "bob", "alice", 1002), message("a1", "alice", "bob", 1)});
  Session session(harness().url());
  EXPECT_EQ(session.number("SELECT count(*) FROM message"), PostgresStore::kRepeatsExpectedMax + 3);
  EXPECT_EQ(session.number("SELECT at FROM message WHERE id = 'b'"), 1000);
  EXPECT_TRUE(harness().writing().state().up);
}

TEST_F(PostgresStoreTest, WritersThatMeetANewConversationAtOnceAgreeOnItsNumber) {
  Session other(harness().url());
  other("BEGIN");
  other("INSERT INTO conversation (key) VALUES ('alice,bob')");
  std::jthread commit([this, &other] {
    Session watcher(harness().url());
    const auto blocked = [&watcher] {
      return watcher.number(
          "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
    };
    for (const auto until = soon(); blocked() == 0 && std::chrono::steady_clock::now() < until;) {
      std::this_thread::yield();
    }
    other("COMMIT");
  });
  append({message("1", "alice", "bob", 1), message("1", "alice", "carol", 2)});
  EXPECT_EQ(history_ids("alice", "bob"), Ids{"1"});
  EXPECT_EQ(Session(harness().url()).number("SELECT count(*) FROM conversation"), 2);
}

TEST_F(PostgresStoreTest, ACursorOfAnotherStoreOrOfTheFutureIsRefused) {
  append({message("1", "alice", "bob", 1)});
  sync_ids("alice", 1);  // waits until the message is settled
  const std::string cursor = sync({.user = "alice", .cursor = ""}).cursor;
  PostgresHarness other;
  const auto elsewhere = run(other.reads().sync({.user = "alice", .cursor = cursor}));
  ASSERT_FALSE(elsewhere.has_value());
  EXPECT_EQ(elsewhere.error().code, chat::ErrorCode::bad_frame);

  const std::string store_id = cursor.substr(3, 32);
  const std::optional<Position> position = parse_cursor(cursor, store_id);
  ASSERT_TRUE(position);
  const std::string ahead = make_cursor({position->commit_xid + 1'000'000, 0}, store_id);
  const auto future = run(reader().sync({.user = "alice", .cursor = ahead}));
  ASSERT_FALSE(future.has_value());
  EXPECT_EQ(future.error().code, chat::ErrorCode::bad_frame);
}

// As chat::PageBounds has it. No such message comes over the wire, so it is not in the contract's suite.
TEST_F(PostgresStoreTest, AMessageOfMoreThanAPagesBytesIsAPageOfItsOwn) {
  const std::string huge(chat::kPageBytesMax + 1, 'h');
  append(
      {message("1", "alice", "bob", 1, huge), message("2", "alice", "bob", 2), message("3", "alice", "bob", 3, huge)});
  append({message("4", "carol", "alice", 4)});
  sync_ids("alice", 4);  // waits until all are settled
  EXPECT_EQ(sizes_back("alice", "bob"), (Sizes{1, 1, 1}));
  EXPECT_EQ(sizes_forth("alice", "bob"), (Sizes{1, 1, 1}));
  Chain chain{.user = "alice", .limit = chat::kPageSizeMax};
  for (const char* const id : {"1", "2", "3", "4"}) {
    EXPECT_EQ(turn_page(chain), chain.seen.size() < 4) << id;
    EXPECT_EQ(chain.seen.back(), id);
  }
  const chat::ConversationsPage first = conversations({.user = "alice", .before = {}, .limit = chat::kPageSizeMax});
  EXPECT_EQ(names_of(first.conversations), Ids{"carol"});
  EXPECT_TRUE(first.more);
  const chat::ConversationsPage second = conversations({.user = "alice", .before = 4, .limit = chat::kPageSizeMax});
  EXPECT_EQ(names_of(second.conversations), Ids{"bob"});
  EXPECT_FALSE(second.more);
}

TEST_F(PostgresStoreTest, CommitsAreFlushedWhateverTheDatabasesDefault) {
  Session session(harness().url());
  session("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$");
  const auto fresh = harness().make_store();
  session("CREATE TABLE seen (at_table text, setting text)");
  session(
      "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "INSERT INTO seen VALUES (TG_TABLE_NAME, current_setting('synchronous_commit')); RETURN NULL; END $$");
  session("CREATE TRIGGER see AFTER INSERT ON message FOR EACH STATEMENT EXECUTE FUNCTION see()");
  session("CREATE TRIGGER see AFTER INSERT ON conversation FOR EACH STATEMENT EXECUTE FUNCTION see()");
  chat::RecordBatch batch;
  batch.messages.add(message("1", "alice", "bob", 1).view());
  ASSERT_TRUE(run(fresh->append(batch)).has_value());
  EXPECT_EQ(session.query("SELECT setting FROM seen WHERE at_table = 'message'").text(0, 0), "on");
  EXPECT_EQ(session.query("SELECT setting FROM seen WHERE at_table = 'conversation'").text(0, 0), "off")
      << "the message's commit flushes it";
}

// More conversations than one page of anything, in one batch, through a store that forgets all it knows.
TEST_F(PostgresStoreTest, MoreConversationsThanAreRememberedAreAllStored) {
  chat::RecordBatch batch;
  constexpr std::size_t kBatch = 25'000;
  constexpr std::size_t kConversations = PostgresStore::kKnownConversationsMax + kBatch;
  for (std::size_t i = 0; i < kConversations; ++i) {
    batch.messages.add(message("1", "user" + std::to_string(i), "hub", static_cast<chat::Timestamp>(i)).view());
    if (batch.messages.size() < kBatch) continue;
    append(batch);
    batch.clear();
  }
  append({message("2", "user0", "hub", 1)});
  EXPECT_EQ(Session(harness().url()).number("SELECT count(*) FROM member"),
            static_cast<std::int64_t>(2 * kConversations));
}

TEST(PostgresCursor, OnlyItsOwnTextIsRead) {
  const std::string store_id(32, 'a');
  const std::string cursor = make_cursor({731, 42}, store_id);
  EXPECT_EQ(parse_cursor(cursor, store_id), (Position{731, 42}));
  for (const std::string& text :
       {"p1." + store_id + ".731", "p1." + store_id + ".731.42.", "p1." + store_id + ".-1.42",
        "p1." + store_id + ".0731.42", "p1." + store_id + ".731.42x", "p1." + store_id,
        "p1." + store_id + ".99999999999999999999.1", "p1." + std::string(32, 'b') + ".731.42"}) {
    EXPECT_FALSE(parse_cursor(text, store_id)) << text;
  }
}

}  // namespace
}  // namespace simplechat::adapters::postgres

// Sync while transactions commit out of the order of their ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

#include "adapters/postgres/test_database.h"

namespace simplechat::adapters::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SyncOrder : public contract::StoreFixture {
 protected:
  SyncOrder() : StoreFixture([](boost::asio::io_context&) { return std::make_unique<PostgresHarness>(); }) {
    Session setup(url());
    setup("INSERT INTO conversation (key) VALUES ('alice,bob')");  // number 1
    setup("INSERT INTO member VALUES ('alice', 1), ('bob', 1)");
  }
  std::string url() { return dynamic_cast<PostgresHarness&>(*harness_).url(); }

  // A writer whose transaction the test opens and ends.
  struct Writer : Session {
    using Session::Session;
    void insert(const std::string& id) {
      (*this)("INSERT INTO message (ordinal, at, conversation, sender, id, payload) VALUES (" +
              std::to_string(ordinal++) + ", 1, 1, 'bob', '" + id + "', 'x')");
    }
    int ordinal = 0;
    bool open = false;
    Ids ids{};
  };
};

TEST_F(SyncOrder, ATransactionThatCommitsLateIsNotPassedOver) {
  Chain chain{.user = "alice", .limit = 10};
  Writer a(url());
  Writer b(url());
  append({contract::message("before", "bob", "alice", 1)});
  a("BEGIN");
  a.insert("a");  // takes the lower transaction id
  b("BEGIN");
  b.insert("b");
  b("COMMIT");
  EXPECT_FALSE(turn_page(chain));
  EXPECT_THAT(chain.seen, ElementsAre("before")) << "b is held back: a client that saw it could not go back to a";
  a("COMMIT");
  follow(chain, 3);
  EXPECT_THAT(chain.seen, ElementsAre("before", "a", "b"));
  EXPECT_FALSE(turn_page(chain));
  EXPECT_EQ(chain.seen.size(), 3U);
}

TEST_F(SyncOrder, APageSaysWhetherLaterMessagesAreWithheld) {
  const auto page_of = [this](const std::string& user, int limit) {
    return value(run(reader().sync({.user = user, .cursor = {}, .limit = limit})));
  };
  append({contract::message("1", "bob", "alice", 1), contract::message("2", "bob", "alice", 1)});
  append({contract::message("of others", "carol", "dave", 1)});
  EXPECT_FALSE(page_of("alice", 10).withheld);
  Writer open(url());
  open("BEGIN");
  open("SELECT pg_current_xact_id()");
  EXPECT_FALSE(page_of("alice", 10).withheld) << "all that there is comes before it";
  append({contract::message("3", "bob", "alice", 1)});
  const chat::SyncPage held = page_of("alice", 10);
  EXPECT_THAT(contract::ids_of(held.messages), ElementsAre("1", "2"));
  EXPECT_TRUE(held.withheld);
  EXPECT_FALSE(held.more) << "asking at once brings nothing";
  const chat::SyncPage full = page_of("alice", 1);
  EXPECT_THAT(contract::ids_of(full.messages), ElementsAre("1"));
  EXPECT_TRUE(full.more);
  EXPECT_FALSE(page_of("carol", 10).withheld);
  const std::string large(chat::kPageBytesMax, 'x');
  append({contract::message("4", "bob", "alice", 1, large)});
  append({contract::message("5", "carol", "alice", 1, large)});
  append({contract::message("6", "carol", "dave", 1, large)});
  EXPECT_TRUE(page_of("alice", 10).withheld);
  EXPECT_THAT(contract::ids_of(page_of("carol", 10).messages), ElementsAre("of others"));
  EXPECT_TRUE(page_of("carol", 10).withheld) << "also where it would be too much for the page";
  open("COMMIT");
  Chain chain{.user = "alice", .limit = 10};
  follow(chain, 5);
  EXPECT_FALSE(page_of("alice", 10).withheld);
}

TEST_F(SyncOrder, ATransactionThatRollsBackHoldsNothingBackForLonger) {
  Chain chain{.user = "alice", .limit = 10};
  Writer a(url());
  Writer b(url());
  a("BEGIN");
  a.insert("a");
  b("BEGIN");
  b.insert("b");
  b("COMMIT");
  EXPECT_FALSE(turn_page(chain));
  EXPECT_THAT(chain.seen, IsEmpty());
  a("ROLLBACK");
  follow(chain, 1);
  EXPECT_THAT(chain.seen, ElementsAre("b"));
}

TEST_F(SyncOrder, RandomInterleavingsGiveEveryCommittedMessageOnce) {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::array<std::unique_ptr<Writer>, 4> writers;
    for (auto& writer : writers) writer = std::make_unique<Writer>(url());
    std::array<Chain, 3> chains{Chain{.user = "alice", .limit = 1}, Chain{.user = "bob", .limit = 3},
                                Chain{.user = "alice", .limit = 200}};
    Ids committed;
    if (seed != 1U) committed = sync_ids("alice", 0);  // of the seeds before
    int next = 0;
    const auto end = [&](Writer& writer, bool commit) {
      writer(commit ? "COMMIT" : "ROLLBACK");
      if (commit) std::ranges::move(writer.ids, std::back_inserter(committed));
      writer.ids.clear();
      writer.ordinal = 0;
      writer.open = false;
    };
    for (int step = 0; step < 400; ++step) {
      Writer& writer = *writers[random() % writers.size()];
      const unsigned dice = random() % 10;
      if (!writer.open) {
        writer("BEGIN");
        writer.open = true;
      } else if (dice < 5) {
        writer.ids.push_back(std::to_string(seed) + "." + std::to_string(next++));
        writer.insert(writer.ids.back());
      } else {
        end(writer, dice < 9);
      }
      turn_page(chains[random() % chains.size()]);
    }
    for (auto& writer : writers) {
      if (writer->open) end(*writer, true);
    }
    std::ranges::sort(committed);
    for (Chain& chain : chains) {
      follow(chain, committed.size());
      std::ranges::sort(chain.seen);
      EXPECT_EQ(chain.seen, committed);
    }
  }
}

}  // namespace
}  // namespace simplechat::adapters::postgres

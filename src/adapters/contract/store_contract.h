// The contract of chat::MessageStore as a test suite. Each adapter's test instantiates it, in one source file of its
// program:
//
//   namespace simplechat::adapters::contract {
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(StoreFactory(make_harness)));
//   }
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/contract/store_fixture.h"
#include "adapters/contract/store_page_bytes_contract.h"
#include "chat/message_store.h"

namespace simplechat::adapters::contract {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

// --- append and history ---

TEST_P(StoreContract, AnEmptyStoreAnswersEveryQueryWithNothing) {
  append(chat::RecordBatch{});
  const chat::HistoryPage page = history({.user = "alice", .with = "bob", .before = {}, .after = {}});
  EXPECT_TRUE(page.messages.empty());
  EXPECT_FALSE(page.more);
  const chat::ConversationsPage list = conversations({.user = "alice", .before = {}});
  EXPECT_THAT(list.conversations, IsEmpty());
  EXPECT_FALSE(list.more);
  EXPECT_THAT(sync_ids("alice", 0), IsEmpty());
}

TEST_P(StoreContract, EveryFieldOfAMessageComesBackByteForByte) {
  using namespace std::string_view_literals;
  const std::vector<std::string> payloads = {
      "x",
      std::string("nul \0 inside and at the end \0"sv),
      "quotes ' \" \\ ; -- %_ {} \\x41 \t\r\n\x01\x1f\x7f",
      "\U0001F469\u200D\U0001F4BB\U0001F1E9\U0001F1EA e\u0301 \uFEFF \u2028",
      "\u202Eשלום\u202C مرحبا",
      std::string(64 * 1024, 'p'),
  };
  std::vector<chat::Message> sent;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    sent.push_back(message("id ~!'\"\\%" + std::to_string(i), i % 2 == 0 ? "Al.i_ce-0@h+t" : "bob",
                           i % 2 == 0 ? "bob" : "Al.i_ce-0@h+t",
                           1'700'000'000'000'000 + static_cast<chat::Timestamp>(i), payloads[i]));
  }
  append(sent);
  const chat::HistoryPage page = history({.user = "bob", .with = "Al.i_ce-0@h+t", .before = {}, .after = {}});
  const chat::SyncPage synced = sync({.user = "bob", .cursor = ""});
  ASSERT_EQ(page.messages.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(page.messages[i], sent[i].view()) << i;
  for (const chat::MessageView& view : synced.messages) {
    EXPECT_EQ(std::ranges::count_if(sent, [&](const chat::Message& each) { return each.view() == view; }), 1)
        << view.id;
  }
  EXPECT_EQ(conversation("bob", "Al.i_ce-0@h+t").last.view(), sent.back().view());
}

TEST_P(StoreContract, TheLongestIdsAreKept) {
  const std::string low(64, 'a');
  const std::string high(64, 'b');
  const std::string group = "#" + std::string(63, 'g');
  const std::string id(64, '~');
  append({message(id, low, high, 5), message(id, low, group, 6)});
  EXPECT_THAT(history_ids(high, low), ElementsAre(id));
  EXPECT_THAT(history_ids(low, group), ElementsAre(id));
  EXPECT_THAT(names_of(conversations_of(low)), ElementsAre(group, high));
}

TEST_P(StoreContract, HistoryIsOrderedByAtThenFromThenIdInByteOrder) {
  append({message("b", "amy", "Zed", 20), message("a", "amy", "Zed", 20), message("~", "Zed", "amy", 20)});
  append({message("B", "amy", "Zed", 20), message("-", "amy", "Zed", 20), message("late", "Zed", "amy", 30)});
  append({message("early", "amy", "Zed", 10)});
  const Ids expected{"early", "~", "-", "B", "a", "b", "late"};
  EXPECT_EQ(history_ids("amy", "Zed"), expected);
  EXPECT_EQ(history_ids("Zed", "amy"), expected);
}

TEST_P(StoreContract, ConversationsAreKeptApart) {
  append({message("1", "al", "bob", 1), message("2", "alice", "bob", 2), message("3", "a_b", "bob", 3),
          message("4", "axb", "bob", 4), message("5", "AL", "bob", 5), message("6", "bob", "#al", 6)});
  EXPECT_THAT(history_ids("al", "bob"), ElementsAre("1"));
  EXPECT_THAT(history_ids("bob", "alice"), ElementsAre("2"));
  EXPECT_THAT(history_ids("bob", "a_b"), ElementsAre("3"));
  EXPECT_THAT(history_ids("AL", "bob"), ElementsAre("5"));
  EXPECT_THAT(history_ids("al", "alice"), IsEmpty());
  EXPECT_THAT(sync_ids("al", 1), ElementsAre("1"));
  EXPECT_THAT(sync_ids("axb", 1), ElementsAre("4"));
  EXPECT_THAT(sync_ids("stranger", 0), IsEmpty());
  EXPECT_THAT(names_of(conversations_of("alice")), ElementsAre("bob"));
  EXPECT_THAT(names_of(conversations_of("bob")), ElementsAre("#al", "AL", "axb", "a_b", "alice", "al"));
}

TEST_P(StoreContract, ARepeatedMessageChangesNothing) {
  append({message("1", "alice", "bob", 10, "first"), message("1", "alice", "bob", 11, "again, same batch")});
  append({message("1", "alice", "bob", 5, "again, other batch"), message("2", "alice", "bob", 12)});
  append({message("2", "alice", "bob", 12)});
  const chat::HistoryPage page = history({.user = "bob", .with = "alice", .before = {}, .after = {}});
  ASSERT_THAT(ids_of(page.messages), ElementsAre("1", "2"));
  EXPECT_EQ(page.messages[0].payload, "first");
  EXPECT_EQ(page.messages[0].at, 10);
  EXPECT_THAT(sync_ids("bob", 2), ElementsAre("1", "2"));
  EXPECT_EQ(conversation("bob", "alice").unread, 2);
}

TEST_P(StoreContract, TheSameIdOfAnotherSenderOrToAnotherRecipientIsAnotherMessage) {
  append({message("1", "alice", "bob", 1), message("1", "bob", "alice", 2), message("1", "alice", "carol", 3),
          message("1", "alice", "alice", 4), message("1", "alice", "#team", 5), message("1", "bob", "#team", 6)});
  append({message("1", "bob", "alice", 2)});
  EXPECT_THAT(history_ids("alice", "bob"), ElementsAre("1", "1"));
  EXPECT_THAT(history_ids("alice", "carol"), ElementsAre("1"));
  EXPECT_THAT(history_ids("alice", "alice"), ElementsAre("1"));
  EXPECT_THAT(history_ids("alice", "#team"), ElementsAre("1", "1"));
  EXPECT_EQ(sync_ids("alice", 6).size(), 6U);
}

TEST_P(StoreContract, AMessageToOneselfIsListedOnceAndIsNeverUnread) {
  append({message("1", "alice", "alice", 1)});
  EXPECT_THAT(history_ids("alice", "alice"), ElementsAre("1"));
  EXPECT_THAT(sync_ids("alice", 1), ElementsAre("1"));
  EXPECT_EQ(conversation("alice", "alice").unread, 0);
  mark("alice", "alice", chat::MarkKind::read, 1);
  EXPECT_EQ(conversation("alice", "alice").read_at, 1);
}

TEST_P(StoreContract, BeforeAndAfterAreExclusiveAndMoreTellsOfFurtherOnesInTheirDirection) {
  append({message("1", "alice", "bob", 10), message("2", "bob", "alice", 20), message("3", "alice", "bob", 30),
          message("4", "bob", "alice", 40)});
  struct Case {
    std::optional<chat::Timestamp> before;
    std::optional<chat::Timestamp> after;
    int limit;
    Ids ids;
    bool more;
  };
  constexpr chat::Timestamp kEnd = std::numeric_limits<chat::Timestamp>::max();
  const std::vector<Case> cases = {
      {{}, {}, 2, {"3", "4"}, true}, {{}, {}, 4, {"1", "2", "3", "4"}, false},
      {30, {}, 1, {"2"}, true},      {30, {}, 2, {"1", "2"}, false},
      {31, {}, 1, {"3"}, true},      {10, {}, 5, {}, false},
      {0, {}, 5, {}, false},         {kEnd, {}, 1, {"4"}, true},
      {{}, 10, 2, {"2", "3"}, true}, {{}, 10, 3, {"2", "3", "4"}, false},
      {{}, 0, 1, {"1"}, true},       {{}, 0, 4, {"1", "2", "3", "4"}, false},
      {{}, 40, 5, {}, false},        {{}, kEnd, 5, {}, false},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& each = cases[i];
    const chat::HistoryPage page =
        history({.user = "alice", .with = "bob", .before = each.before, .after = each.after, .limit = each.limit});
    EXPECT_EQ(ids_of(page.messages), each.ids) << "case " << i;
    EXPECT_EQ(page.more, each.more) << "case " << i;
  }
}

// Gateways draw `at` each on its own, so several messages of a conversation may carry the same one.
TEST_P(StoreContract, PagingLosesAndRepeatsNothingAtEqualAt) {
  std::vector<chat::Message> sent;
  Ids expected;
  for (const auto& [at, copies] :
       std::vector<std::pair<chat::Timestamp, int>>{{1, 3}, {2, 1}, {3, 5}, {4, 2}, {9, 4}}) {
    for (int i = 0; i < copies; ++i) {
      expected.push_back(std::to_string(at) + "." + std::to_string(i));
      sent.push_back(message(expected.back(), "alice", "bob", at));
    }
  }
  std::ranges::reverse(sent);
  append(sent);
  for (const int limit : {1, 2, 3, 4, 5, 6, 7, 14, 15, 16, chat::kPageSizeMax}) {
    EXPECT_EQ(walk_back("alice", "bob", limit), expected) << limit;
    EXPECT_EQ(walk_forth("bob", "alice", limit), expected) << limit;
  }
}

TEST_P(StoreContract, APageIsLongerThanItsLimitOnlyToHoldAllOfOneAt) {
  append({message("1", "alice", "bob", 1), message("2", "alice", "bob", 2), message("3", "bob", "alice", 2),
          message("4", "alice", "bob", 2), message("5", "alice", "bob", 3)});
  const auto page = [&](std::optional<chat::Timestamp> before, std::optional<chat::Timestamp> after, int limit) {
    return ids_of(history({.user = "alice", .with = "bob", .before = before, .after = after, .limit = limit}).messages);
  };
  EXPECT_THAT(page({}, {}, 1), ElementsAre("5"));
  EXPECT_THAT(page({}, {}, 2), ElementsAre("2", "4", "3", "5"));
  EXPECT_THAT(page(3, {}, 3), ElementsAre("2", "4", "3"));
  EXPECT_THAT(page({}, 0, 1), ElementsAre("1"));
  EXPECT_THAT(page({}, 1, 1), ElementsAre("2", "4", "3"));
  EXPECT_THAT(page({}, 1, 4), ElementsAre("2", "4", "3", "5"));
}

TEST_P(StoreContract, ABatchOfFiveThousandIsStoredWhole) {
  constexpr std::size_t kMessages = 5000;
  chat::RecordBatch batch;
  Ids expected;
  for (std::size_t i = 0; i < kMessages; ++i) {
    expected.push_back(std::to_string(10'000 + i));
    batch.messages.add(message(expected.back(), i % 3 == 0 ? "bob" : "alice", i % 3 == 0 ? "alice" : "bob",
                               static_cast<chat::Timestamp>(1000 + i))
                           .view());
  }
  append(batch);
  append(batch);
  EXPECT_EQ(walk_back("alice", "bob", chat::kPageSizeMax), expected);
  EXPECT_EQ(
      history({.user = "alice", .with = "bob", .before = {}, .after = {}, .limit = chat::kPageSizeMax}).messages.size(),
      static_cast<std::size_t>(chat::kPageSizeMax));
  EXPECT_THAT(sync_ids("bob", kMessages), UnorderedElementsAreArray(expected));
}

// --- contains_all ---

TEST_P(StoreContract, AMessageIsContainedOnceItIsCommitted) {
  const chat::MessageKey first{.from = "alice", .to = "bob", .id = "1"};
  const chat::MessageKey second{.from = "bob", .to = "#team", .id = "2"};
  const chat::MessageKey third{.from = "carol", .to = "carol", .id = R"(~ '"\% 3)"};
  EXPECT_FALSE(contains_all({first}));
  append({message("1", "alice", "bob", 1)});
  EXPECT_TRUE(contains_all({first}));
  EXPECT_FALSE(contains_all({second}));
  EXPECT_FALSE(contains_all({first, second, third}));
  append({message("2", "bob", "#team", 2), message(third.id, "carol", "carol", 3)});
  EXPECT_TRUE(contains_all({first, second, third}));
  EXPECT_TRUE(contains_all({third, first, third})) << "one that is asked for twice";
}

TEST_P(StoreContract, OneMissingMessageAmongManyIsTold) {
  std::vector<chat::MessageKey> keys;
  std::vector<chat::Message> sent;
  for (std::size_t i = 0; i < chat::kContainsKeysMax; ++i) {
    keys.push_back({.from = "user" + std::to_string(i % 7), .to = "hub", .id = std::to_string(i)});
    sent.push_back(message(keys.back().id, keys.back().from, keys.back().to, static_cast<chat::Timestamp>(i)));
  }
  append(sent);
  EXPECT_TRUE(contains_all(keys));
  for (const std::size_t missing : {std::size_t{0}, keys.size() / 2, keys.size() - 1}) {
    std::vector<chat::MessageKey> asked = keys;
    asked[missing].id = "other";
    EXPECT_FALSE(contains_all(asked)) << missing;
  }
}

TEST_P(StoreContract, AllOfNoMessagesAreContained) {
  EXPECT_TRUE(contains_all({}));
  append({message("1", "alice", "bob", 1)});
  EXPECT_TRUE(contains_all({}));
}

TEST_P(StoreContract, ContainedIsOnlyTheVeryFromToAndId) {
  append({message("1", "alice", "bob", 1), message("2", "bob", "alice", 2)});
  EXPECT_TRUE(contains_all({{.from = "alice", .to = "bob", .id = "1"}, {.from = "bob", .to = "alice", .id = "2"}}));
  for (const chat::MessageKey& other : std::vector<chat::MessageKey>{{.from = "bob", .to = "alice", .id = "1"},
                                                                     {.from = "alice", .to = "bob", .id = "2"},
                                                                     {.from = "alice", .to = "carol", .id = "1"},
                                                                     {.from = "alice", .to = "#bob", .id = "1"},
                                                                     {.from = "alice", .to = "alice", .id = "1"},
                                                                     {.from = "Alice", .to = "bob", .id = "1"},
                                                                     {.from = "alice", .to = "bob", .id = "1 "}}) {
    EXPECT_FALSE(contains_all({other})) << other.from << " " << other.to << " " << other.id;
  }
}

TEST_P(StoreContract, AMarkMakesNoMessageContained) {
  mark("bob", "alice", chat::MarkKind::read, 10);
  EXPECT_FALSE(contains_all({{.from = "bob", .to = "alice", .id = "1"}}));
}

// --- groups ---

TEST_P(StoreContract, AGroupsMessagesAreOneConversationOfAllWhoSentToIt) {
  append({message("1", "alice", "#team", 1)});
  append({message("2", "bob", "#team", 2)});
  EXPECT_THAT(history_ids("alice", "#team"), ElementsAre("1", "2"));
  EXPECT_THAT(history_ids("bob", "#team"), ElementsAre("1", "2"));
  EXPECT_THAT(sync_ids("alice", 2), ElementsAre("1", "2"));
  EXPECT_THAT(sync_ids("bob", 2), ElementsAre("1", "2"));
  EXPECT_THAT(sync_ids("carol", 0), IsEmpty());
  EXPECT_THAT(conversations_of("carol"), IsEmpty());
  const chat::Conversation team = conversation("alice", "#team");
  EXPECT_EQ(team.last.id, "2");
  EXPECT_EQ(team.last.to, "#team");
  EXPECT_EQ(team.unread, 1);
}

TEST_P(StoreContract, AGroupHasNoPeersMarks) {
  append({message("1", "alice", "#team", 1), message("2", "bob", "#team", 2), message("3", "carol", "#team", 3)},
         {{.user = "bob", .with = "#team", .kind = chat::MarkKind::read, .at = 2}});
  EXPECT_EQ(conversation("bob", "#team").read_at, 2);
  EXPECT_EQ(conversation("bob", "#team").unread, 1);
  EXPECT_EQ(conversation("alice", "#team").read_at, 0);
  EXPECT_EQ(conversation("alice", "#team").peer_read_at, 0);
  EXPECT_EQ(conversation("alice", "#team").unread, 2);
}

// --- marks ---

TEST_P(StoreContract, MarksOnlyRise) {
  append({message("1", "alice", "bob", 10), message("2", "alice", "bob", 20), message("3", "alice", "bob", 30)});
  EXPECT_EQ(conversation("bob", "alice").unread, 3);
  append({}, {{.user = "bob", .with = "alice", .kind = chat::MarkKind::read, .at = 20},
              {.user = "bob", .with = "alice", .kind = chat::MarkKind::read, .at = 10},
              {.user = "bob", .with = "alice", .kind = chat::MarkKind::received, .at = 30}});
  mark("bob", "alice", chat::MarkKind::read, 15);
  mark("bob", "alice", chat::MarkKind::received, 5);
  const chat::Conversation own = conversation("bob", "alice");
  EXPECT_EQ(own.read_at, 20);
  EXPECT_EQ(own.received_at, 30);
  EXPECT_EQ(own.peer_read_at, 0);
  EXPECT_EQ(own.peer_received_at, 0);
  EXPECT_EQ(own.unread, 1);
  const chat::Conversation peers = conversation("alice", "bob");
  EXPECT_EQ(peers.peer_read_at, 20);
  EXPECT_EQ(peers.peer_received_at, 30);
  EXPECT_EQ(peers.read_at, 0);
  mark("bob", "alice", chat::MarkKind::read, 30);
  EXPECT_EQ(conversation("bob", "alice").unread, 0);
}

TEST_P(StoreContract, OnlyMessagesFromOthersAreUnread) {
  append({message("1", "alice", "bob", 10), message("2", "bob", "alice", 20), message("3", "bob", "alice", 30)});
  EXPECT_EQ(conversation("alice", "bob").unread, 2);
  EXPECT_EQ(conversation("bob", "alice").unread, 1);
}

TEST_P(StoreContract, TheUnreadCountIsCapped) {
  std::vector<chat::Message> sent;
  for (int i = 0; i < chat::kUnreadCountMax + 5; ++i) {
    sent.push_back(message(std::to_string(i), "alice", "bob", 1 + i));
  }
  append(sent);
  EXPECT_EQ(conversation("bob", "alice").unread, chat::kUnreadCountMax);
  mark("bob", "alice", chat::MarkKind::read, 6);
  EXPECT_EQ(conversation("bob", "alice").unread, chat::kUnreadCountMax - 1);
}

TEST_P(StoreContract, AMarkMayComeBeforeTheFirstMessage) {
  mark("bob", "alice", chat::MarkKind::read, 10);
  EXPECT_THAT(conversations_of("bob"), IsEmpty());
  EXPECT_THAT(conversations_of("alice"), IsEmpty());
  append({message("1", "alice", "bob", 10), message("2", "alice", "bob", 11)});
  EXPECT_EQ(conversation("bob", "alice").read_at, 10);
  EXPECT_EQ(conversation("bob", "alice").unread, 1);
}

// --- conversations ---

TEST_P(StoreContract, ConversationsAreListedNewestFirstWithTheirLastMessage) {
  append({message("1", "alice", "bob", 10), message("2", "carol", "alice", 30), message("3", "alice", "#team", 20)});
  EXPECT_THAT(names_of(conversations_of("alice")), ElementsAre("carol", "#team", "bob"));
  append({message("4", "bob", "alice", 40, "newest"), message("5", "bob", "alice", 5, "late, but old")});
  EXPECT_THAT(names_of(conversations_of("alice")), ElementsAre("bob", "carol", "#team"));
  EXPECT_EQ(conversation("alice", "bob").last.view(), message("4", "bob", "alice", 40, "newest").view());
  append({message("0", "bob", "alice", 40), message("0", "alice", "bob", 40), message("9", "bob", "alice", 40)});
  EXPECT_EQ(conversation("alice", "bob").last.id, "9");
}

TEST_P(StoreContract, PagingThroughConversationsLosesAndRepeatsNothingAtEqualAt) {
  Ids expected;
  std::vector<chat::Message> sent;
  for (const auto& [at, copies] :
       std::vector<std::pair<chat::Timestamp, int>>{{9, 2}, {7, 1}, {5, 4}, {3, 1}, {1, 3}}) {
    for (int i = 0; i < copies; ++i) {
      expected.push_back("u" + std::to_string(at) + "." + std::to_string(i));
      sent.push_back(message("1", expected.back(), "alice", at));
    }
  }
  append(sent);
  for (const int limit : {1, 2, 3, 4, 5, 10, 11, 12, chat::kPageSizeMax}) {
    Ids names;
    chat::ConversationsQuery query{.user = "alice", .before = {}, .limit = limit};
    for (bool more = true; more;) {
      const chat::ConversationsPage page = conversations(query);
      std::ranges::move(names_of(page.conversations), std::back_inserter(names));
      more = page.more;
      ASSERT_FALSE(more && page.conversations.empty());
      if (more) query.before = page.conversations.back().last.at;
    }
    EXPECT_EQ(names, expected) << limit;
  }
  const chat::ConversationsPage first = conversations({.user = "alice", .before = 8, .limit = 1});
  EXPECT_THAT(names_of(first.conversations), ElementsAre("u7.0"));
  EXPECT_TRUE(first.more);
  EXPECT_FALSE(conversations({.user = "alice", .before = 3, .limit = 3}).more);
}

// --- sync ---

TEST_P(StoreContract, AChainOfCursorsGivesEachMessageOnceInCommitOrderWhateverTheLimit) {
  Ids expected;
  for (int i = 0; i < 23; ++i) {  // `at` falls, so that commit order is not the order of history
    expected.push_back("m" + std::to_string(i));
    const std::string other = "user" + std::to_string(i % 5);
    append({i % 2 == 0 ? message(expected.back(), "alice", other, 1000 - i)
                       : message(expected.back(), other, "alice", 1000 - i)});
    append({message("noise" + std::to_string(i), other, "user7", 1000 - i)});
  }
  for (const int limit : {1, 2, 3, 7, 22, 23, 24, chat::kPageSizeMax}) {
    Chain chain{.user = "alice", .limit = limit};
    follow(chain, expected.size());
    EXPECT_EQ(chain.seen, expected) << limit;
  }
}

TEST_P(StoreContract, MessagesAppendedBetweenPagesAreSeenOnceEvenWithAnOldAt) {
  Chain chain{.user = "alice", .limit = 2};
  append({message("1", "alice", "bob", 100), message("2", "bob", "alice", 101), message("3", "alice", "bob", 102)});
  turn_page(chain);
  append({message("4", "bob", "alice", 1), message("5", "carol", "alice", 50), message("1", "alice", "bob", 100)});
  follow(chain, 5);
  append({message("6", "bob", "alice", 2)});
  append({message("6", "bob", "alice", 2), message("7", "dave", "alice", 3)});
  follow(chain, 7);
  EXPECT_THAT(chain.seen, UnorderedElementsAre("1", "2", "3", "4", "5", "6", "7"));
}

TEST_P(StoreContract, TheCursorOfAnEmptySyncGivesWhatComesLater) {
  Chain chain{.user = "alice", .limit = 10};
  EXPECT_FALSE(turn_page(chain));
  append({message("other", "bob", "carol", 1)});
  EXPECT_FALSE(turn_page(chain));
  append({message("1", "bob", "alice", 1)});
  follow(chain, 1);
  const std::string caught_up = chain.cursor;
  EXPECT_FALSE(turn_page(chain));
  EXPECT_THAT(chain.seen, ElementsAre("1"));
  Chain again{.user = "alice", .limit = 10, .cursor = caught_up};
  append({message("2", "alice", "bob", 2)});
  follow(again, 1);
  EXPECT_THAT(again.seen, ElementsAre("2"));
}

TEST_P(StoreContract, TheLatestCursorLeavesWhatIsStoredToTheHistoryAndGivesWhatComesLater) {
  const chat::SyncQuery latest{.user = "alice", .cursor = "", .limit = 10, .latest = true};
  Chain of_nothing{.user = "alice", .limit = 10, .cursor = sync(latest).cursor};
  append({message("1", "alice", "bob", 100), message("2", "carol", "alice", 200), message("3", "bob", "carol", 300)});
  const chat::SyncPage page = sync(latest);
  EXPECT_TRUE(page.messages.empty());
  EXPECT_FALSE(page.more);
  append({message("4", "bob", "alice", 1), message("5", "alice", "dave", 400)});
  Chain chain{.user = "alice", .limit = 10, .cursor = page.cursor};
  follow(chain, 2);
  EXPECT_THAT(chain.seen, UnorderedElementsAre("4", "5"));
  follow(of_nothing, 4);
  EXPECT_THAT(of_nothing.seen, UnorderedElementsAre("1", "2", "4", "5"));
}

TEST_P(StoreContract, TheSameCursorGivesTheSamePageAgain) {
  for (int i = 0; i < 6; ++i) append({message(std::to_string(i), "bob", "alice", i)});
  Chain chain{.user = "alice", .limit = 2};
  turn_page(chain);
  Chain other = chain;
  follow(chain, 6);
  follow(other, 6);
  EXPECT_EQ(chain.seen, other.seen);
}

TEST_P(StoreContract, AGroupIsSyncedFromTheFirstMessageThatTheUserSendsToIt) {
  Chain chain{.user = "alice", .limit = 3};
  append({message("1", "alice", "bob", 1)});
  follow(chain, 1);
  append({message("2", "alice", "#team", 2)});
  append({message("3", "bob", "#team", 3), message("4", "carol", "#team", 4)});
  follow(chain, 4);
  EXPECT_THAT(chain.seen, UnorderedElementsAre("1", "2", "3", "4"));
}

TEST_P(StoreContract, ACursorThatIsNoneOfOursIsBadFrame) {
  append({message("1", "alice", "bob", 1), message("2", "alice", "bob", 2)});
  const std::string cursor = sync({.user = "alice", .cursor = "", .limit = 1}).cursor;
  for (const std::string& garbage :
       {std::string("garbage"), std::string("0"), std::string("-1"), std::string(" "), std::string("."),
        std::string("s1."), std::string(128, '9'), std::string("é"), std::string("\0", 1), "x" + cursor, cursor + "x",
        cursor + ".", cursor + " ", cursor.substr(0, cursor.size() / 2), cursor.substr(cursor.size() / 2)}) {
    const chat::Result<chat::SyncPage> page = run(reader().sync({.user = "alice", .cursor = garbage, .limit = 1}));
    ASSERT_FALSE(page.has_value()) << garbage;
    EXPECT_EQ(page.error().code, chat::ErrorCode::bad_frame) << garbage;
  }
}

TEST_P(StoreContract, ASyncWhileManyAppendMissesAndRepeatsNothing) {
  constexpr int kWriters = 4;
  constexpr int kBatches = 20;
  constexpr int kBatchMessages = 8;
  int writing = kWriters;
  const auto write = [&](std::string writer) -> chat::Task<void> {
    for (int i = 0; i < kBatches; ++i) {
      chat::RecordBatch batch;
      for (int j = 0; j < kBatchMessages; ++j) {
        batch.messages.add(
            message(std::to_string(i) + "." + std::to_string(j) + writer, writer, "alice", 100 - i).view());
      }
      const chat::Result<void> stored = co_await store().append(batch);
      EXPECT_TRUE(stored.has_value());
    }
    --writing;
  };
  for (int i = 0; i < kWriters; ++i) {
    boost::asio::co_spawn(io_, write("writer" + std::to_string(i)), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
  Chain chain{.user = "alice", .limit = 5};
  while (writing > 0) turn_page(chain);
  follow(chain, kWriters * kBatches * kBatchMessages);
  EXPECT_EQ(chain.seen.size(), static_cast<std::size_t>(kWriters * kBatches * kBatchMessages));
  std::ranges::sort(chain.seen);
  EXPECT_EQ(std::ranges::adjacent_find(chain.seen), chain.seen.end());
}

}  // namespace simplechat::adapters::contract

// The part of the contract of chat::MessageStore that bounds a page's bytes. Included by store_contract.h.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "adapters/contract/store_fixture.h"
#include "chat/limits.h"
#include "chat/message_store.h"

namespace simplechat::adapters::contract {

// Of messages with the longest payload, so many are a page.
inline constexpr int kBigOnesOfAPage = chat::kPageBytesMax / chat::limits::kPayloadBytesMax;
static_assert(kBigOnesOfAPage == 16, "the tests below count on it");

inline chat::Message big_message(std::string id, std::string from, std::string to, chat::Timestamp at) {
  return message(std::move(id), std::move(from), std::move(to), at, std::string(chat::limits::kPayloadBytesMax, 'b'));
}

TEST_P(StoreContract, APageOfHistoryEndsBeforeItsBytesAreExceeded) {
  std::vector<chat::Message> sent;
  Ids expected;
  for (int i = 1; i <= 2 * kBigOnesOfAPage + 3; ++i) {
    expected.push_back(std::to_string(100 + i));
    sent.push_back(i % 2 == 0 ? big_message(expected.back(), "alice", "bob", i)
                              : big_message(expected.back(), "bob", "alice", i));
  }
  append(sent);
  EXPECT_THAT(sizes_back("alice", "bob"), ::testing::ElementsAre(16, 16, 3));
  EXPECT_THAT(sizes_forth("alice", "bob"), ::testing::ElementsAre(16, 16, 3));
  for (const int limit : {5, 16, 17, chat::kPageSizeMax}) {
    EXPECT_EQ(walk_back("alice", "bob", limit), expected) << limit;
    EXPECT_EQ(walk_forth("bob", "alice", limit), expected) << limit;
  }
  append({message("small", "alice", "bob", 36, "s")});
  EXPECT_THAT(sizes_back("alice", "bob"), ::testing::ElementsAre(16, 16, 4)) << "a byte too many for 17";
  append({message("early", "alice", "bob", 1, "s")});
  expected.push_back("small");
  expected.insert(expected.begin(), "early");
  EXPECT_EQ(walk_back("alice", "bob", chat::kPageSizeMax), expected);
  EXPECT_EQ(walk_forth("alice", "bob", chat::kPageSizeMax), expected);
}

// A page that ends because of its bytes says `more` only if there is more.
TEST_P(StoreContract, AHistoryOfJustTheBytesOfAPageIsOnePage) {
  std::vector<chat::Message> sent;
  for (int i = 1; i <= kBigOnesOfAPage; ++i) sent.push_back(big_message(std::to_string(i), "alice", "bob", i));
  append(sent);
  EXPECT_THAT(sizes_back("alice", "bob"), ::testing::ElementsAre(16));
  EXPECT_THAT(sizes_forth("alice", "bob"), ::testing::ElementsAre(16));
  EXPECT_EQ(sync_ids("bob", 16).size(), 16U);
  EXPECT_FALSE(sync({.user = "bob", .cursor = "", .limit = chat::kPageSizeMax}).more);
}

TEST_P(StoreContract, BytesDoNotSplitAHistoryWithinOneAt) {
  std::vector<chat::Message> sent;
  Ids expected;
  const auto add = [&](chat::Timestamp at, int copies) {
    for (int i = 0; i < copies; ++i) {
      expected.push_back(std::to_string(at) + "." + std::to_string(100 + i));
      sent.push_back(big_message(expected.back(), "alice", "bob", at));
    }
  };
  for (chat::Timestamp at = 1; at <= 15; ++at) add(at, 1);
  add(20, 3);
  add(21, 1);
  add(22, 1);
  add(30, 20);  // more than a page, but it can't be asked for in parts
  add(31, 1);
  append(sent);
  EXPECT_THAT(sizes_forth("alice", "bob"), ::testing::ElementsAre(15, 5, 20, 1));
  EXPECT_THAT(sizes_back("alice", "bob"), ::testing::ElementsAre(1, 20, 16, 4));
  for (const int limit : {1, 3, 16, 19, chat::kPageSizeMax}) {
    EXPECT_EQ(walk_back("alice", "bob", limit), expected) << limit;
    EXPECT_EQ(walk_forth("bob", "alice", limit), expected) << limit;
  }
}

TEST_P(StoreContract, ASyncPageEndsBeforeItsBytesAreExceededAndItsCursorGoesOnFromThere) {
  std::vector<chat::Message> sent;
  Ids expected;
  for (int i = 0; i < 2 * kBigOnesOfAPage + 3; ++i) {  // all of one `at`, which a cursor is not bound to
    expected.push_back(std::to_string(i));
    sent.push_back(big_message(expected.back(), i % 2 == 0 ? "bob" : "carol", "alice", 7));
  }
  append(sent);
  append({message("small", "alice", "dave", 1)});
  expected.emplace_back("small");
  EXPECT_THAT(sync_ids("alice", expected.size()), ::testing::UnorderedElementsAreArray(expected));
  // All is settled: from here on, each page is as long as it may be.
  for (const auto& [limit, sizes] : std::vector<std::pair<int, Sizes>>{
           {chat::kPageSizeMax, {16, 16, 4}}, {17, {16, 16, 4}}, {16, {16, 16, 4}}, {12, {12, 12, 12}}}) {
    Chain chain{.user = "alice", .limit = limit};
    Sizes seen;
    for (bool more = true; more;) {
      const std::size_t before = chain.seen.size();
      more = turn_page(chain);
      seen.push_back(chain.seen.size() - before);
    }
    EXPECT_EQ(seen, sizes) << limit;
    EXPECT_THAT(chain.seen, ::testing::UnorderedElementsAreArray(expected)) << limit;
  }
}

TEST_P(StoreContract, OfAPageOfConversationsTheBytesOfTheLastMessagesCount) {
  Ids expected;
  std::vector<chat::Message> sent;
  const auto add = [&](chat::Timestamp at, int copies) {
    for (int i = 0; i < copies; ++i) {
      expected.push_back("u" + std::to_string(at) + "." + std::to_string(100 + i));
      sent.push_back(big_message("1", expected.back(), "alice", at));
    }
  };
  for (chat::Timestamp at = 60; at > 42; --at) add(at, 1);
  add(40, 3);
  add(30, 20);
  add(29, 1);
  append(sent);
  const auto walk = [&] {
    Ids names;
    Sizes sizes;
    chat::ConversationsQuery query{.user = "alice", .before = {}, .limit = chat::kPageSizeMax};
    for (bool more = true; more;) {
      const chat::ConversationsPage page = conversations(query);
      std::ranges::move(names_of(page.conversations), std::back_inserter(names));
      sizes.push_back(page.conversations.size());
      more = page.more;
      if (more && page.conversations.empty()) throw std::runtime_error("an empty page claims that there is more");
      if (more) query.before = page.conversations.back().last.at;
    }
    EXPECT_EQ(names, expected);
    return sizes;
  };
  EXPECT_THAT(walk(), ::testing::ElementsAre(16, 5, 20, 1));
  // Big ones that are not the last of their conversation cost nothing.
  std::vector<chat::Message> small;
  for (chat::Message& each : sent) small.push_back(message("2", "alice", each.from, each.at + 100));
  append(small);
  EXPECT_THAT(walk(), ::testing::ElementsAre(expected.size()));
}

}  // namespace simplechat::adapters::contract

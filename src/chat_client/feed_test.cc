#include "chat_client/feed.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace simplechat::chat_client {
namespace {

class FeedTest : public ::testing::Test {
 protected:
  static chat::Message of(std::string id, chat::Timestamp at, std::string from = "bob") {
    return {.id = std::move(id), .from = std::move(from), .to = "alice", .payload = "x", .at = at};
  }
  void live(std::string id, chat::Timestamp at, std::string from = "bob") {
    feed_.live(of(std::move(id), at, std::move(from)), now_);
  }
  // "latest", "from CURSOR" or "" if nothing is asked for.
  std::string asked() {
    const auto request = feed_.take_request(now_);
    if (!request) return "";
    return request->latest ? "latest" : "from " + request->cursor;
  }
  void answer(std::vector<chat::Message> messages, std::string cursor, bool more = false) {
    feed_.answered(std::move(messages), std::move(cursor), more, now_);
  }
  std::string shown() {
    std::string ids;
    for (const chat::Message& message : feed_.take()) ids += message.id;
    return ids;
  }
  void go_online() {
    feed_.online(100);
    EXPECT_EQ(asked(), "latest");
    answer({}, "c0");
    settle("c0");
  }
  // The second walk after a registration, which brings nothing.
  void settle(const std::string& cursor) {
    sleep();
    EXPECT_EQ(asked(), "from " + cursor);
    answer({}, cursor);
  }
  void sleep() {
    ASSERT_TRUE(feed_.next_wake());
    now_ = std::max(now_, *feed_.next_wake());
  }

  Instant now_{std::chrono::hours(1)};
  Feed feed_{[] { return std::uint64_t{99}; }};
};

// A message that was not stored yet when the session registered, nor delivered to it.
TEST_F(FeedTest, WalksAgainForWhatWasOnItsWayIntoTheStore) {
  go_online();
  feed_.offline();
  feed_.online(200);
  EXPECT_EQ(asked(), "from c0");
  live("d", 201);
  answer({of("a", 150)}, "c1");
  EXPECT_EQ(shown(), "");
  const Instant before = now_;
  sleep();
  EXPECT_EQ(now_ - before, Feed::kSettle);
  EXPECT_EQ(asked(), "from c1");
  answer({of("b", 198)}, "c2");
  EXPECT_EQ(shown(), "");
  sleep();
  EXPECT_EQ(asked(), "from c2");
  answer({of("d", 201)}, "c3");
  EXPECT_EQ(shown(), "abd");
}

TEST_F(FeedTest, LiveMessagesDoNotWaitForeverForASlowStore) {
  go_online();
  feed_.offline();
  feed_.online(200);
  live("z", 201);
  for (int i = 0; i < Feed::kCatchUpWalksMax; ++i) {
    EXPECT_EQ(shown(), "");
    if (i > 0) sleep();
    EXPECT_NE(asked(), "");
    answer({of(std::to_string(i), 100 + i)}, "c" + std::to_string(i));
  }
  EXPECT_EQ(shown(), "01234z");
}

TEST_F(FeedTest, ShowsLiveMessagesOnceAndAtOnce) {
  go_online();
  live("a", 101);
  EXPECT_EQ(shown(), "a");
  live("a", 105);           // repeated after a fault, with another time
  live("a", 101, "carol");  // another sender's of the same id
  EXPECT_EQ(shown(), "a");
}

TEST_F(FeedTest, AfterALossShowsWhatWasMissedInOrderWithWhatCameMeanwhile) {
  go_online();
  live("a", 101);
  feed_.offline();
  EXPECT_EQ(asked(), "");
  feed_.online(200);
  EXPECT_EQ(asked(), "from c0");
  live("e", 205);
  live("d", 204);
  answer({of("c", 103), of("a", 101)}, "c1", true);
  EXPECT_EQ(asked(), "from c1");
  EXPECT_EQ(shown(), "a");  // of before the loss; the rest waits for the end
  answer({of("b", 102), of("d", 204)}, "c2");
  EXPECT_EQ(shown(), "");
  settle("c2");
  EXPECT_EQ(shown(), "bcde");
}

TEST_F(FeedTest, SortsByTimeThenSenderThenId) {
  go_online();
  feed_.offline();
  feed_.online(200);
  EXPECT_EQ(asked(), "from c0");
  answer({of("z", 5, "carol"), of("b", 5, "bob"), of("a", 5, "bob"), of("y", 4, "dave")}, "c1");
  settle("c1");
  EXPECT_EQ(shown(), "yabz");
}

TEST_F(FeedTest, AResyncDuringAWalkMakesAnotherOne) {
  go_online();
  feed_.resync();
  EXPECT_EQ(asked(), "from c0");
  feed_.resync();
  EXPECT_EQ(asked(), "");
  answer({}, "c1");
  EXPECT_EQ(asked(), "from c1");
  answer({of("a", 101)}, "c2");
  EXPECT_EQ(shown(), "a");
  EXPECT_EQ(asked(), "");
}

TEST_F(FeedTest, LiveMessagesDoNotWaitForALaterWalk) {
  go_online();
  feed_.resync();
  EXPECT_EQ(asked(), "from c0");
  live("b", 102);
  EXPECT_EQ(shown(), "b");
  answer({of("a", 101), of("b", 102)}, "c1");
  EXPECT_EQ(shown(), "a");
}

TEST_F(FeedTest, LiveMessagesDoNotWaitForAStoreThatIsAway) {
  go_online();
  feed_.offline();
  feed_.online(200);
  EXPECT_EQ(asked(), "from c0");
  live("b", 102);
  feed_.failed("unavailable", Milliseconds(1'500), now_);
  EXPECT_EQ(shown(), "b");
  EXPECT_EQ(asked(), "");
  const Instant before = now_;
  sleep();
  EXPECT_GE(now_ - before, Milliseconds(1'500));
  EXPECT_EQ(asked(), "from c0");
  answer({of("a", 101), of("b", 102)}, "c1");
  EXPECT_EQ(shown(), "a");
}

TEST_F(FeedTest, WithAnotherStoreItStartsAgainAndLeavesOutWhatWasBefore) {
  go_online();
  live("b", 102);
  EXPECT_EQ(shown(), "b");
  feed_.offline();
  feed_.online(300);
  EXPECT_EQ(asked(), "from c0");
  feed_.failed("bad_frame", Milliseconds(0), now_);
  EXPECT_EQ(asked(), "from ");
  answer({of("old", 50), of("b", 102), of("c", 103)}, "n1");
  settle("n1");
  EXPECT_EQ(shown(), "c");
}

TEST_F(FeedTest, LooksAgainSoonAfterARegistrationAndWhileMessagesCome) {
  go_online();
  sleep();
  EXPECT_EQ(asked(), "from c0");
  answer({of("late", 99)}, "c1");  // of before, from a store that was far behind
  EXPECT_EQ(shown(), "late");
  EXPECT_FALSE(feed_.next_wake());  // nothing happens: nothing to look for
  const Instant before = now_;
  live("a", 101);
  sleep();
  EXPECT_EQ(now_ - before, Feed::kCheckEvery);
  EXPECT_EQ(asked(), "from c1");
  answer({}, "c2");
  for (std::size_t i = 0; i < Feed::kCheckAfterMessages; ++i) live(std::to_string(i), 200 + static_cast<int>(i));
  EXPECT_EQ(asked(), "from c2");
}

TEST_F(FeedTest, WhatIsHeldIsBounded) {
  go_online();
  feed_.offline();
  feed_.online(200);
  EXPECT_EQ(asked(), "from c0");
  for (std::size_t i = 0; i < Feed::kHeldMessagesMax; ++i) live(std::to_string(i), static_cast<int>(i));
  EXPECT_EQ(feed_.take().size(), Feed::kHeldMessagesMax);
}

TEST_F(FeedTest, WhatTheHistoryShowedIsNotShownAgain) {
  feed_.hold_for_history(true, now_);
  feed_.online(100);
  EXPECT_TRUE(feed_.expects_first_cursor());
  EXPECT_EQ(asked(), "latest");
  answer({}, "c0");
  EXPECT_FALSE(feed_.expects_first_cursor());
  settle("c0");
  live("b", 102);
  live("a", 101);
  EXPECT_EQ(shown(), "");
  feed_.shown_by_history({of("a", 101)});
  feed_.hold_for_history(false, now_);
  EXPECT_EQ(shown(), "b");
}

TEST(SeenMessages, ForgetsTheOldestOnly) {
  SeenMessages seen;
  const auto message = [](std::size_t i) {
    return chat::Message{.id = std::to_string(i), .from = "a", .to = "b", .payload = {}};
  };
  for (std::size_t i = 0; i <= SeenMessages::kMessagesMax; ++i) EXPECT_TRUE(seen.add(message(i)));
  EXPECT_FALSE(seen.contains(message(0)));
  EXPECT_FALSE(seen.add(message(1)));
  EXPECT_FALSE(seen.add(message(SeenMessages::kMessagesMax)));
}

}  // namespace
}  // namespace simplechat::chat_client

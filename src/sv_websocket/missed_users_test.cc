#include "sv_websocket/missed_users.h"

#include <gtest/gtest.h>

#include <set>

namespace simplechat::sv_websocket {
namespace {

using std::chrono::milliseconds;
using Where = MissedUsers::Where;

class MissedUsersTest : public ::testing::Test {
 protected:
  // Ticks every 250 ms up to `until`, with a store that lags by `lag`.
  void run(milliseconds until, milliseconds lag) {
    for (; now_ < start_ + until; now_ += milliseconds(250)) {
      for (MissedUsers::Due& due : missed_.advance(now_ - lag, now_, 1000, [this] { ++refused_; })) {
        due_.insert(std::move(due.user));
      }
    }
  }

  const MissedUsers::TimePoint start_ = MissedUsers::TimePoint{} + std::chrono::hours(1);
  MissedUsers missed_{start_};
  MissedUsers::TimePoint now_ = start_;
  std::set<std::string> due_;
  int refused_ = 0;
};

TEST_F(MissedUsersTest, WhatIsStoredInTimeNeedsNothing) {
  run(milliseconds(250), milliseconds(0));
  missed_.routed("bob");
  run(milliseconds(5000), milliseconds(500));
  EXPECT_TRUE(due_.empty());
  EXPECT_EQ(missed_.noted(), 0U);
}

TEST_F(MissedUsersTest, WhatIsRoutedBeforeTheFirstTickIsNotLateThen) {
  missed_.routed("bob");
  now_ += milliseconds(250);
  run(milliseconds(5000), milliseconds(500));
  EXPECT_TRUE(due_.empty());
}

TEST_F(MissedUsersTest, TheUsersOfALateMessageAreDueOnceItIsStored) {
  run(milliseconds(250), milliseconds(0));
  missed_.routed("bob");
  missed_.routed("alice");
  run(MissedUsers::kCheckAfter, milliseconds(60'000));
  EXPECT_EQ(missed_.noted(), 2U) << "before a registration is checked";
  EXPECT_TRUE(due_.empty()) << "a sync would not show it yet";
  run(milliseconds(3000), milliseconds(0));
  EXPECT_EQ(due_, (std::set<std::string>{"alice", "bob"}));
}

TEST_F(MissedUsersTest, ANotedUserIsDueWhenTheStoreHasCaughtUpButNotAtOnce) {
  ASSERT_TRUE(missed_.note("bob", Where::elsewhere, now_));
  run(milliseconds(750), milliseconds(0));
  EXPECT_TRUE(due_.empty());
  run(milliseconds(3000), milliseconds(60'000));
  EXPECT_TRUE(due_.empty());
  run(milliseconds(4000), milliseconds(0));
  EXPECT_EQ(due_, std::set<std::string>{"bob"});
  EXPECT_EQ(missed_.noted(), 0U);
}

TEST_F(MissedUsersTest, OnesThatAreNotedAgainWaitForTheLatestOfWhatTheyMissed) {
  ASSERT_TRUE(missed_.note("bob", Where::elsewhere, now_));
  ASSERT_TRUE(missed_.note("bob", Where::here, now_ + milliseconds(2000)));
  now_ += milliseconds(3000);
  EXPECT_TRUE(missed_.advance(start_ + milliseconds(1999), now_, 10, [] {}).empty());
  const auto due = missed_.advance(start_ + milliseconds(2000), now_, 10, [] {});
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].where, Where::here);
}

TEST_F(MissedUsersTest, HasBounds) {
  for (std::size_t i = 0; i < MissedUsers::kUsersMax; ++i) {
    ASSERT_TRUE(missed_.note(std::to_string(i), Where::elsewhere, now_));
  }
  EXPECT_FALSE(missed_.note("one more", Where::elsewhere, now_));
  EXPECT_TRUE(missed_.note("7", Where::here, now_)) << "one that is known";
  missed_.routed("late");
  now_ += milliseconds(250);
  EXPECT_TRUE(missed_.advance(start_ - milliseconds(1), now_, 10, [this] { ++refused_; }).empty());
  now_ += MissedUsers::kLateAfter;
  EXPECT_EQ(missed_.advance(now_, now_, 10, [this] { ++refused_; }).size(), 10U) << "no more than asked for";
}

}  // namespace
}  // namespace simplechat::sv_websocket

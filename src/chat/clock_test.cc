#include "chat/clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace simplechat::chat {
namespace {

constexpr Timestamp kStart = 1'000'000;

class HybridLogicalClockTest : public ::testing::Test {
 protected:
  Timestamp elapsed_ = 50;
  HybridLogicalClock clock_{kStart, [this] { return elapsed_; }};
};

TEST_F(HybridLogicalClockTest, BeginsWithTheMachinesClockAndGoesOnWithItsElapsedTime) {
  EXPECT_EQ(clock_.now(), kStart);
  elapsed_ += 500;
  EXPECT_EQ(clock_.now(), kStart + 500);
}

TEST_F(HybridLogicalClockTest, ReadingDrawsNothing) {
  EXPECT_EQ(clock_.read(), kStart);
  EXPECT_EQ(clock_.now(), kStart);
  clock_.pass(2 * kStart);
  EXPECT_EQ(clock_.read(), 2 * kStart);
  EXPECT_EQ(clock_.now(), 2 * kStart + 1);
}

TEST_F(HybridLogicalClockTest, FollowsTheDirectorysClock) {
  clock_.follow(2 * kStart);
  elapsed_ += 500;
  EXPECT_EQ(clock_.now(), 2 * kStart + 500);
}

TEST_F(HybridLogicalClockTest, StrictlyIncreasesWhileTheWallClockStandsOrGoesBack) {
  const Timestamp first = clock_.now();
  EXPECT_EQ(clock_.now(), first + 1);
  clock_.follow(kStart / 2);
  EXPECT_EQ(clock_.now(), first + 2);
  elapsed_ += kStart;  // and is itself again when the directory's has caught up
  EXPECT_EQ(clock_.now(), kStart / 2 + kStart);
}

TEST_F(HybridLogicalClockTest, IsLaterThanWhatItObserved) {
  clock_.observe(2 * kStart);
  EXPECT_EQ(clock_.now(), 2 * kStart + 1);
}

TEST_F(HybridLogicalClockTest, IgnoresAGatewayThatIsFarAhead) {
  clock_.observe(kStart + HybridLogicalClock::kSkewMax + 1);
  EXPECT_EQ(clock_.now(), kStart);
}

TEST_F(HybridLogicalClockTest, PassesTheDirectorysClockHoweverFarAheadItIsButDoesNotRunWithIt) {
  const Timestamp far = kStart + 2 * HybridLogicalClock::kSkewMax;
  clock_.pass(far);
  EXPECT_EQ(clock_.now(), far + 1);
  elapsed_ += 500;
  EXPECT_EQ(clock_.now(), far + 2);
}

// Two gateways whose machines' clocks are a minute apart; what they read of the directory's was on its way for a while.
TEST_F(HybridLogicalClockTest, AReplyIsLaterOnAGatewayThatHasJustHeardFromTheDirectory) {
  HybridLogicalClock ahead{kStart + 60'000'000, [this] { return elapsed_; }};
  HybridLogicalClock behind{kStart, [this] { return elapsed_; }};
  const auto directory_now = [this] { return 200 * kStart + elapsed_; };
  for (HybridLogicalClock* gateway : {&ahead, &behind}) {
    const Timestamp reading = directory_now();
    elapsed_ += 300;
    gateway->follow(reading);
  }
  elapsed_ += 1'000'000;
  const Timestamp message = ahead.now();
  EXPECT_LE(message, directory_now());
  elapsed_ += 1;
  behind.pass(directory_now());  // the reader of the message has registered there
  EXPECT_GT(behind.now(), message);
}

TEST_F(HybridLogicalClockTest, NeverRepeatsAcrossThreads) {
  constexpr int kDraws = 20'000;
  std::vector<Timestamp> drawn[2];
  {
    std::vector<std::jthread> threads;
    for (auto& mine : drawn) {
      threads.emplace_back([this, &mine] {
        for (int i = 0; i < kDraws; ++i) mine.push_back(clock_.now());
      });
    }
  }
  std::vector<Timestamp> all(drawn[0]);
  all.insert(all.end(), drawn[1].begin(), drawn[1].end());
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST(SystemElapsed, GoesOn) {
  const Timestamp before = system_elapsed();
  EXPECT_GT(before, 0);
  EXPECT_GE(system_elapsed(), before);
}

}  // namespace
}  // namespace simplechat::chat

#include "chat/clock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace simplechat::chat {
namespace {

Timestamp wall = 0;  // the tests' wall clock
Timestamp test_wall_clock() { return wall; }

TEST(HybridLogicalClock, FollowsTheWallClock) {
  HybridLogicalClock clock(test_wall_clock);
  wall = 1'000'000;
  EXPECT_EQ(clock.now(), 1'000'000);
}

TEST(HybridLogicalClock, StrictlyIncreasesWhileTheWallClockStandsOrGoesBack) {
  HybridLogicalClock clock(test_wall_clock);
  wall = 1'000'000;
  const Timestamp first = clock.now();
  EXPECT_GT(clock.now(), first);
  wall = 500'000;
  EXPECT_GT(clock.now(), first + 1);
}

TEST(HybridLogicalClock, IsLaterThanWhatItObserved) {
  HybridLogicalClock clock(test_wall_clock);
  wall = 1'000'000;
  clock.observe(2'000'000);
  EXPECT_GT(clock.now(), 2'000'000);
}

TEST(HybridLogicalClock, IgnoresAClockThatIsFarAhead) {
  HybridLogicalClock clock(test_wall_clock);
  wall = 1'000'000;
  clock.observe(wall + HybridLogicalClock::kSkewMax + 1);
  EXPECT_EQ(clock.now(), 1'000'000);
}

TEST(HybridLogicalClock, NeverRepeatsAcrossThreads) {
  HybridLogicalClock clock(test_wall_clock);
  wall = 1;
  constexpr int kDraws = 20'000;
  std::vector<Timestamp> drawn[2];
  {
    std::vector<std::jthread> threads;
    for (auto& mine : drawn) {
      threads.emplace_back([&clock, &mine] {
        for (int i = 0; i < kDraws; ++i) mine.push_back(clock.now());
      });
    }
  }
  std::vector<Timestamp> all(drawn[0]);
  all.insert(all.end(), drawn[1].begin(), drawn[1].end());
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

}  // namespace
}  // namespace simplechat::chat

#include "sv_websocket/rate_limit.h"

#include <gtest/gtest.h>

#include "sv_websocket/turn_clock.h"

namespace simplechat::sv_websocket {
namespace {

constexpr RateLimit kLimit{.per_ms = 10, .burst = 100};

TEST(RateBucket, TakesABurstThenTheRate) {
  RateBucket bucket;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bucket.take(kLimit, 10, 5), 0);
  EXPECT_EQ(bucket.take(kLimit, 10, 5), 1);
  EXPECT_EQ(bucket.take(kLimit, 25, 5), 3);
  EXPECT_EQ(bucket.take(kLimit, 10, 6), 0);
  EXPECT_EQ(bucket.take(kLimit, 10, 6), 1);
  EXPECT_EQ(bucket.take(kLimit, 100, 16), 0);
}

TEST(RateBucket, WhatIsRefusedDoesNotCount) {
  RateBucket bucket;
  EXPECT_EQ(bucket.take(kLimit, 100, 0), 0);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(bucket.take(kLimit, 10, 0), 0);
  EXPECT_EQ(bucket.take(kLimit, 10, 1), 0);
}

TEST(RateBucket, ChargesBeyondItsBurst) {
  RateBucket bucket;
  EXPECT_EQ(bucket.charge(kLimit, 100, 0), 0);
  EXPECT_EQ(bucket.charge(kLimit, 55, 0), 6);
  EXPECT_EQ(bucket.charge(kLimit, 0, 5), 1);
  EXPECT_EQ(bucket.charge(kLimit, 0, 6), 0);
}

TEST(RateBucket, NeverOverflows) {
  RateBucket bucket;
  const RateLimit greatest = RateLimit::of(500'000);
  for (int i = 0; i < 100; ++i) static_cast<void>(bucket.charge(greatest, UINT32_MAX, 0));
  EXPECT_GT(bucket.charge(greatest, 0, 0), 0);
  EXPECT_TRUE(bucket.empty(greatest, 1'000'000));
}

TEST(RateBucket, GoesOnWhereItsClockWraps) {
  RateBucket bucket;
  const std::uint32_t before = UINT32_MAX - 2;
  EXPECT_EQ(bucket.take(kLimit, 100, before), 0);
  EXPECT_EQ(bucket.take(kLimit, 50, before + 5), 0);
  EXPECT_EQ(bucket.take(kLimit, 10, before + 5), 1);
}

TEST(RateBucket, IsNotEmptiedByAClockThatIsBehind) {
  RateBucket bucket;
  EXPECT_EQ(bucket.take(kLimit, 100, 1000), 0);
  EXPECT_EQ(bucket.take(kLimit, 10, 998), 1);
  EXPECT_EQ(bucket.take(kLimit, 10, 1001), 0);
  EXPECT_EQ(bucket.take(kLimit, 10, 999), 1);
}

TEST(RateBucket, NoLimitTakesAll) {
  RateBucket bucket;
  EXPECT_EQ(bucket.take({}, UINT32_MAX, 0), 0);
  EXPECT_EQ(bucket.charge({}, UINT32_MAX, 0), 0);
  EXPECT_EQ(bucket, RateBucket());
}

TEST(TurnClock, TellsTimesApartAcrossItsWrap) {
  EXPECT_EQ(TurnClock::elapsed_ms(10, 15), 5);
  EXPECT_EQ(TurnClock::elapsed_ms(15, 10), 0);
  EXPECT_EQ(TurnClock::elapsed_ms(UINT32_MAX, 4), 5);
}

}  // namespace
}  // namespace simplechat::sv_websocket

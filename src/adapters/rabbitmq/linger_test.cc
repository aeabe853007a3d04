#include "adapters/rabbitmq/linger.h"

#include <gtest/gtest.h>

namespace simplechat::adapters::rabbitmq {
namespace {

using namespace std::chrono_literals;

TEST(Linger, FollowsTheConfirmsWithinItsBounds) {
  Linger linger(2ms, 100ms);
  EXPECT_EQ(linger.time(), 2ms);
  linger.confirmed_after(8ms);
  EXPECT_EQ(linger.time(), 2ms) << "one slow confirm is no slow broker";
  for (int i = 0; i < 100; ++i) linger.confirmed_after(20ms);
  EXPECT_NEAR(static_cast<double>(linger.time().count()), 20'000, 100);
  for (int i = 0; i < 100; ++i) linger.confirmed_after(5s);
  EXPECT_EQ(linger.time(), 100ms);
  for (int i = 0; i < 100; ++i) linger.confirmed_after(500us);
  EXPECT_EQ(linger.time(), 2ms);
}

TEST(Linger, ALongerMinimumThanMaximumCounts) { EXPECT_EQ(Linger(200ms, 100ms).time(), 200ms); }

}  // namespace
}  // namespace simplechat::adapters::rabbitmq

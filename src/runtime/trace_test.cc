#include "runtime/trace.h"

#include <gtest/gtest.h>

#include <string>

namespace simplechat::runtime::trace {
namespace {

TEST(Trace, TheSampleIsAPartOfAllAndAlwaysTheSame) {
  EXPECT_FALSE(is_sampled("any", 0));
  EXPECT_TRUE(is_sampled("any", 1));
  int sampled = 0;
  constexpr int kMessages = 20'000;
  for (int i = 0; i < kMessages; ++i) sampled += is_sampled("message-" + std::to_string(i), 100) ? 1 : 0;
  EXPECT_NEAR(sampled, kMessages / 100, 60);
  EXPECT_TRUE(is_sampled("message-19", 100) == is_sampled("message-19", 100));
}

TEST(Trace, IsAskedForCheaply) {
  EXPECT_FALSE(any());
  configure(1000);
  EXPECT_TRUE(any());
  configure(0);
  log::set_level(log::Level::debug);
  EXPECT_TRUE(any());
  log::set_level(log::Level::info);
  EXPECT_FALSE(any());
}

}  // namespace
}  // namespace simplechat::runtime::trace

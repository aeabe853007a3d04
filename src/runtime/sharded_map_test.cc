#include "runtime/sharded_map.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace simplechat::runtime {
namespace {

TEST(ShardedMap, KeepsOnlyValuesThatDifferFromTheDefault) {
  ShardedMap<int> map;
  EXPECT_EQ(map.get("a"), 0);
  map.update("a", [](int& value, std::uint64_t) { return value = 5; });
  EXPECT_EQ(map.get("a"), 5);
  EXPECT_EQ(map.size(), 1U);
  map.update("a", [](int& value, std::uint64_t) { return value = 0; });
  EXPECT_EQ(map.size(), 0U);
}

TEST(ShardedMap, SerialsOfAKeyRiseAlsoWhenItWasGone) {
  ShardedMap<int> map;
  const auto touch = [&map](int to) {
    return map.update("a", [to](int& value, std::uint64_t serial) {
      value = to;
      return serial;
    });
  };
  const std::uint64_t first = touch(1);
  const std::uint64_t second = touch(0);
  const std::uint64_t third = touch(1);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
}

TEST(ShardedMap, UpdatesFromManyThreadsAreAtomic) {
  ShardedMap<int> map;
  constexpr int kEach = 20'000;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&map] {
        for (int i = 0; i < kEach; ++i) {
          map.update("user" + std::to_string(i % 100), [](int& value, std::uint64_t) { return ++value; });
        }
      });
    }
  }
  int sum = 0;
  for (int i = 0; i < 100; ++i) sum += map.get("user" + std::to_string(i));
  EXPECT_EQ(sum, 3 * kEach);
}

}  // namespace
}  // namespace simplechat::runtime

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

TEST(ShardedMap, KnowsWhetherThereIsAnyKey) {
  ShardedMap<int> map;
  const auto put = [&map](const char* key, int to) {
    map.update(key, [to](int& value, std::uint64_t) { return value = to; });
  };
  EXPECT_TRUE(map.empty());
  put("a", 0);
  EXPECT_TRUE(map.empty());
  put("a", 1);
  put("a", 2);
  put("b", 1);
  put("a", 0);
  EXPECT_FALSE(map.empty());
  put("b", 0);
  EXPECT_TRUE(map.empty());
  put("a", 1);
  put("b", 1);
  put("c", 1);
  for (std::size_t i = 0; i < ShardedMap<int>::kShards; ++i) {
    map.update_shard(i, [](const std::string& key, int& value) { value = key == "b" ? 7 : 0; });
  }
  EXPECT_FALSE(map.empty());
  EXPECT_EQ(map.size(), 1U);
  EXPECT_EQ(map.look("b", [](const int& value) { return value + 1; }), 8);
  EXPECT_EQ(map.look("a", [](const int& value) { return value + 1; }), 1);
  for (std::size_t i = 0; i < ShardedMap<int>::kShards; ++i) map.sweep([](int) { return true; });
  EXPECT_TRUE(map.empty());
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

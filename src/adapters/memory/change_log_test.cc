#include "adapters/memory/change_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace simplechat::adapters::memory {
namespace {

using Log = ChangeLog<std::string, int>;

std::vector<std::string> keys_since(const Log& log, Log::Number since, std::size_t max = 100) {
  std::vector<std::string> keys;
  static_cast<void>(
      log.visit_since(since, max, [&](const std::string& key, int, Log::Number) { keys.push_back(key); }));
  return keys;
}

TEST(ChangeLog, TellsOfEachKeyTheLatestChange) {
  Log log;
  log.put("a", 1);
  log.put("b", 2);
  log.put("a", 3);
  EXPECT_EQ(*log.find("a"), 3);
  EXPECT_EQ(log.find("c"), nullptr);
  EXPECT_EQ(log.size(), 2);
  EXPECT_EQ(log.latest(), 3);
  EXPECT_EQ(keys_since(log, 0), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(keys_since(log, 2), std::vector<std::string>{"a"});
  EXPECT_TRUE(keys_since(log, 3).empty());
}

TEST(ChangeLog, GivesSoManyAndTheNumberToGoOnFrom) {
  Log log;
  for (const char* key : {"a", "b", "c"}) log.put(key, 0);
  const auto ignore = [](const std::string&, int, Log::Number) {};
  EXPECT_EQ(log.visit_since(0, 2, ignore), (std::pair<Log::Number, bool>(2, true)));
  EXPECT_EQ(log.visit_since(2, 2, ignore), (std::pair<Log::Number, bool>(3, false)));
  EXPECT_EQ(log.visit_since(0, 3, ignore), (std::pair<Log::Number, bool>(3, false)));
}

TEST(ChangeLog, ForgetsWhatHasEndedAndTellsTheGreatestNumber) {
  Log log;
  log.put("later", 0, 20);
  log.put("sooner", 0, 10);
  log.put("never", 0);
  EXPECT_EQ(log.ending(), 2);
  EXPECT_EQ(log.forget(9), 0);
  EXPECT_EQ(log.forget(10), 2);
  EXPECT_EQ(keys_since(log, 0), (std::vector<std::string>{"later", "never"}));
  log.put("later", 1);  // ends no more
  EXPECT_EQ(log.forget(1000), 0);
  EXPECT_EQ(log.size(), 2);
}

TEST(ChangeLog, KeepsOnlySoManyThatEnd) {
  Log log;
  log.put("b", 0, 20);
  log.put("a", 0, 10);
  log.put("c", 0, 30);
  EXPECT_EQ(log.forget(0, 1), 2);
  EXPECT_EQ(keys_since(log, 0), std::vector<std::string>{"c"});
}

}  // namespace
}  // namespace simplechat::adapters::memory

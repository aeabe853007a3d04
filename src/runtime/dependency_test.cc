#include "runtime/dependency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace simplechat::runtime {
namespace {

TEST(Dependency, IsDownUntilItWasUp) {
  const Dependency redis("redis");
  EXPECT_EQ(redis.state().name, "redis");
  EXPECT_FALSE(redis.state().up);
  EXPECT_EQ(redis.state().reason, "not tried yet");
}

TEST(Dependency, TellsWhyItIsDown) {
  Dependency redis("redis");
  redis.up();
  EXPECT_TRUE(redis.state().up);
  EXPECT_EQ(redis.state().reason, "");
  redis.down("connection refused");
  EXPECT_FALSE(redis.state().up);
  EXPECT_EQ(redis.state().reason, "connection refused");
}

TEST(Dependency, LogsOnlyWhatIsNew) {
  Dependency redis("redis");
  testing::internal::CaptureStderr();
  redis.up();
  redis.up();
  redis.down("refused");
  redis.down("refused");
  redis.down("timed out");
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(logged, '\n'), 3) << logged;
  EXPECT_THAT(logged, testing::HasSubstr("info  dependency_up dependency=redis\n"));
  EXPECT_THAT(logged, testing::HasSubstr("warn  dependency_down dependency=redis reason=\"timed out\"\n"));
}

TEST(Dependency, IsWrittenAndReadByDifferentThreads) {
  Readiness readiness;
  Dependency& redis = readiness.add("redis");
  testing::internal::CaptureStderr();
  std::jthread writer([&redis](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      redis.down("refused");
      redis.up();
    }
  });
  for (int i = 0; i < 1000; ++i) {
    const Dependency::State state = readiness.states().at(0);
    EXPECT_EQ(state.up, state.reason.empty());
  }
  writer.request_stop();
  writer.join();
  testing::internal::GetCapturedStderr();
}

TEST(Readiness, ListsAllInOrder) {
  Readiness readiness;
  readiness.add("mq").up();
  readiness.add("db").down("no route");
  const auto states = readiness.states();
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].name, "mq");
  EXPECT_TRUE(states[0].up);
  EXPECT_EQ(states[1].name, "db");
  EXPECT_FALSE(states[1].up);
}

}  // namespace
}  // namespace simplechat::runtime

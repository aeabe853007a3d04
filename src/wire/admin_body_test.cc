#include "wire/admin_body.h"

#include <gmock/gmock.h>

namespace simplechat::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AdminBody, Disconnect) {
  const auto all = parse_disconnect(R"({"user":"alice"})");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->user, "alice");
  EXPECT_EQ(all->session, "");
  EXPECT_EQ(parse_disconnect(R"({"user":"alice","session":"a-0-1-2"})")->session, "a-0-1-2");
  EXPECT_FALSE(parse_disconnect(R"({"session":"a-0-1-2"})"));
  EXPECT_FALSE(parse_disconnect(R"({"user":"not a user"})"));
  EXPECT_FALSE(parse_disconnect("alice"));
}

TEST(AdminBody, Drain) {
  EXPECT_EQ(parse_drain(R"({"seconds":30})"), std::chrono::milliseconds(30'000));
  EXPECT_EQ(parse_drain(R"({"seconds":0})"), std::chrono::milliseconds(0));
  EXPECT_FALSE(parse_drain("{}"));
  EXPECT_FALSE(parse_drain(R"({"seconds":-1})"));
  EXPECT_FALSE(parse_drain(R"({"seconds":3601})"));
}

TEST(AdminBody, LogLevel) {
  EXPECT_EQ(parse_log_level(R"({"level":"debug"})"), "debug");
  EXPECT_FALSE(parse_log_level(R"({"level":3})"));
}

TEST(AdminBody, Replay) {
  EXPECT_THAT(*parse_replay(R"({"ids":["a","b"]})"), ElementsAre("a", "b"));
  EXPECT_THAT(*parse_replay(R"({"all":true})"), IsEmpty());
  EXPECT_FALSE(parse_replay("{}"));  // not everything by mistake
  EXPECT_FALSE(parse_replay(R"({"ids":[]})"));
  EXPECT_FALSE(parse_replay(R"({"all":false})"));
  EXPECT_FALSE(parse_replay(R"({"ids":[1]})"));
}

}  // namespace
}  // namespace simplechat::wire

#include "sv_websocket/origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace simplechat::sv_websocket {
namespace {

using ::testing::HasSubstr;

AllowedOrigins allowed(std::string_view list) { return AllowedOrigins::parse(list).value(); }

TEST(AllowedOrigins, AllowsWhoeverTellsNone) {
  EXPECT_TRUE(AllowedOrigins().allows("", "chat.example"));
  EXPECT_TRUE(allowed("https://chat.example").allows("", "chat.example"));
}

TEST(AllowedOrigins, AllowsTheSameHostOnAnyPort) {
  const AllowedOrigins same;
  EXPECT_TRUE(same.allows("http://chat.example", "chat.example"));
  EXPECT_TRUE(same.allows("http://localhost:3002", "localhost:8082"));
  EXPECT_TRUE(same.allows("https://Chat.Example", "chat.example:443"));
  EXPECT_TRUE(same.allows("http://[::1]:3002", "[::1]:8082"));
  EXPECT_TRUE(same.allows("http://[::1]", "[::1]:8082"));
  for (const char* origin :
       {"http://evil.example", "http://chat.example.evil.example", "http://evilchat.example", "null", "chat.example",
        "file://chat.example", "http://chat.example@evil.example", "http://chat.example/", "http://[::2]", "http://"}) {
    EXPECT_FALSE(same.allows(origin, "chat.example")) << origin;
  }
  EXPECT_FALSE(same.allows("http://", ""));
  EXPECT_FALSE(same.allows("http://:80", ""));
}

TEST(AllowedOrigins, AllowsThoseListed) {
  const AllowedOrigins listed = allowed("https://chat.example, http://localhost:5173");
  EXPECT_TRUE(listed.allows("https://chat.example", "gateway.example"));
  EXPECT_TRUE(listed.allows("http://LOCALHOST:5173", "gateway.example"));
  EXPECT_FALSE(listed.allows("http://chat.example", "gateway.example"));
  EXPECT_FALSE(listed.allows("https://chat.example:444", "gateway.example"));
  EXPECT_FALSE(listed.allows("https://gateway.example", "gateway.example"));
  EXPECT_TRUE(allowed("same,https://chat.example").allows("https://gateway.example", "gateway.example"));
}

TEST(AllowedOrigins, AllowsAllIfAsked) {
  EXPECT_TRUE(allowed("*").allows("https://evil.example", "chat.example"));
  EXPECT_TRUE(allowed("*").allows("null", "chat.example"));
}

TEST(AllowedOrigins, NamesWhatIsNone) {
  for (const char* list :
       {"chat.example", "https://chat.example/", "ws://chat.example", "same,,", "Same origin", "https://"}) {
    const auto parsed = AllowedOrigins::parse(list);
    ASSERT_FALSE(parsed) << list;
    EXPECT_THAT(parsed.error(), HasSubstr("is neither an origin"));
  }
}

}  // namespace
}  // namespace simplechat::sv_websocket

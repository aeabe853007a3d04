#include "adapters/redis/url.h"

#include <gtest/gtest.h>

namespace simplechat::adapters::redis {
namespace {

TEST(RedisUrl, EveryPartIsRead) {
  EXPECT_EQ(parse_url("redis://localhost"), (Url{.host = "localhost"}));
  EXPECT_EQ(parse_url("redis://10.0.0.1:7000/"), (Url{.host = "10.0.0.1", .port = 7000}));
  EXPECT_EQ(parse_url("redis://h/3"), (Url{.host = "h", .db = 3}));
  EXPECT_EQ(parse_url("redis://u:p@h:1/15"), (Url{.host = "h", .port = 1, .user = "u", .password = "p", .db = 15}));
  EXPECT_EQ(parse_url("redis://:p@h"), (Url{.host = "h", .password = "p"}));
  EXPECT_EQ(parse_url("redis://u:a%40b%2Fc+d:e@h"), (Url{.host = "h", .user = "u", .password = "a@b/c+d:e"}));
  EXPECT_EQ(parse_url("redis://[::1]:6380/1"), (Url{.host = "::1", .port = 6380, .db = 1}));
}

TEST(RedisUrl, RedissIsTheSameOverTls) {
  EXPECT_EQ(parse_url("rediss://u:p@h:1/15"),
            (Url{.host = "h", .port = 1, .user = "u", .password = "p", .db = 15, .tls = true}));
  EXPECT_FALSE(parse_url("redis://h")->tls);
}

TEST(RedisUrl, WhatIsWrongIsSaidWithoutThePassword) {
  for (const char* text :
       {"", "localhost", "redisss://h", "redis://", "rediss://", "redis://:6379", "redis://h:", "redis://h:0",
        "redis://h:65536", "redis://h:1x", "redis://h/x", "redis://h/-1", "redis://[::1", "redis://[]",
        "redis://[::1]x", "redis://secret@h", "redis://u:secret@h:port", "redis://u:secret@"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().find("secret"), std::string::npos) << url.error();
    EXPECT_NE(url.error(), "");
  }
}

TEST(RedisUrl, TheAddressForMessagesHoldsNoPassword) {
  EXPECT_EQ(parse_url("redis://u:secret@h:7000")->address(), "h:7000");
  EXPECT_EQ(parse_url("redis://[::1]")->address(), "[::1]:6379");
}

}  // namespace
}  // namespace simplechat::adapters::redis

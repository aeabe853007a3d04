#include "wire/hook_body.h"

#include <gtest/gtest.h>

namespace simplechat::wire {
namespace {

TEST(HookBody, SaysWhoWantsIn) {
  EXPECT_EQ(encode_connect_request({.user = "alice", .token = "a\"b", .remote_address = "::1"}),
            R"({"user":"alice","token":"a\"b","remoteAddress":"::1"})");
}

TEST(HookBody, ReadsTheAnswer) {
  const auto allowed = parse_hook_answer(R"({"allow":true,"more":1})");
  ASSERT_TRUE(allowed);
  EXPECT_TRUE(allowed->allow);
  EXPECT_EQ(allowed->user, "");
  EXPECT_EQ(parse_hook_answer(R"({"allow":true,"user":7})")->user, "7");
  const auto denied = parse_hook_answer(R"({"allow":false,"reason":"not paid"})");
  ASSERT_TRUE(denied);
  EXPECT_FALSE(denied->allow);
  EXPECT_EQ(denied->reason, "not paid");
}

TEST(HookBody, TakesNothingElseForAnAnswer) {
  for (const std::string_view body :
       {"", "{}", "true", R"({"allow":1})", R"({"allow":"true"})", R"({"allow":null})",
        R"({"allow":true,"user":"#group"})", R"({"allow":true,"user":""})", R"({"allow":false,"reason":7})"}) {
    EXPECT_FALSE(parse_hook_answer(body)) << body;
  }
}

}  // namespace
}  // namespace simplechat::wire

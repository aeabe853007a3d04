#include "wire/hook_body.h"

#include <gtest/gtest.h>

#include "chat/limits.h"

namespace simplechat::wire {
namespace {

using chat::limits::kPayloadBytesMax;

TEST(ConnectBody, SaysWhoWantsIn) {
  EXPECT_EQ(encode_connect_request({.user = "alice", .token = "a\"b", .remote_address = "::1"}),
            R"({"user":"alice","token":"a\"b","remoteAddress":"::1"})");
}

TEST(ConnectBody, ReadsTheAnswer) {
  const auto allowed = parse_connect_answer(R"({"allow":true,"more":1})");
  ASSERT_TRUE(allowed);
  EXPECT_TRUE(allowed->allow);
  EXPECT_EQ(allowed->user, "");
  EXPECT_EQ(parse_connect_answer(R"({"allow":true,"user":7})")->user, "7");
  const auto denied = parse_connect_answer(R"({"allow":false,"reason":"not paid"})");
  ASSERT_TRUE(denied);
  EXPECT_FALSE(denied->allow);
  EXPECT_EQ(denied->reason, "not paid");
}

TEST(ConnectBody, TakesNothingElseForAnAnswer) {
  for (const std::string_view body :
       {"", "{}", "true", R"({"allow":1})", R"({"allow":"true"})", R"({"allow":null})",
        R"({"allow":true,"user":"#group"})", R"({"allow":true,"user":""})", R"({"allow":false,"reason":7})"}) {
    EXPECT_FALSE(parse_connect_answer(body)) << body;
  }
}

TEST(SendBody, SaysWhatIsToBeSent) {
  EXPECT_EQ(encode_send_request({.id = "7", .from = "alice", .to = "bob", .payload = "say \"hi\"\n", .at = 5}),
            R"({"from":"alice","to":"bob","id":"7","payload":"say \"hi\"\n"})");
}

TEST(SendBody, ReadsTheAnswer) {
  const auto allowed = parse_send_answer(R"({"allow":true,"more":1})");
  ASSERT_TRUE(allowed);
  EXPECT_TRUE(allowed->allow);
  EXPECT_EQ(allowed->payload, std::nullopt);
  EXPECT_EQ(parse_send_answer(R"({"allow":true,"payload":"***"})")->payload, "***");
  const auto denied = parse_send_answer(R"({"allow":false,"reason":"not here"})");
  ASSERT_TRUE(denied);
  EXPECT_FALSE(denied->allow);
  EXPECT_EQ(denied->reason, "not here");
}

TEST(SendBody, TakesNothingElseForAnAnswer) {
  for (const std::string_view body :
       {"", "{}", "true", R"({"allow":1})", R"({"allow":null})", R"({"payload":"x"})", R"({"allow":true,"payload":""})",
        R"({"allow":true,"payload":7})", R"({"allow":true,"payload":null})", R"({"allow":false,"reason":7})"}) {
    EXPECT_FALSE(parse_send_answer(body)) << body;
  }
  const auto with_payload_of = [](std::size_t bytes) {
    return parse_send_answer(R"({"allow":true,"payload":")" + std::string(bytes, 'x') + R"("})");
  };
  EXPECT_EQ(with_payload_of(kPayloadBytesMax)->payload->size(), kPayloadBytesMax);
  EXPECT_FALSE(with_payload_of(kPayloadBytesMax + 1));
}

}  // namespace
}  // namespace simplechat::wire

#include "wire/send_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace simplechat::wire {
namespace {

using chat::ErrorCode;
using ::testing::HasSubstr;

std::string array_of(std::size_t count) {
  std::string body = "[";
  for (std::size_t i = 0; i < count; ++i) {
    body.append(i > 0 ? "," : "").append(R"({"type":"normal","from":"a","to":"b","payload":"x"})");
  }
  return body.append("]");
}

ErrorCode code_of(std::string_view body) {
  const auto parsed = parse_send_body(body);
  EXPECT_FALSE(parsed) << body.substr(0, 200);
  return parsed ? ErrorCode::internal : parsed.error().code;
}

TEST(SendBody, OneMessageOrAnArray) {
  const auto one = parse_send_body(R"({"type":"normal","from":1,"to":"#g","payload":"é","id":"m1","at":5})");
  ASSERT_TRUE(one);
  ASSERT_EQ(one->size(), 1U);
  EXPECT_EQ(one->front().view(), (chat::MessageView{.id = "m1", .from = "1", .to = "#g", .payload = "é", .at = 5}));

  const auto many = parse_send_body(array_of(2));
  ASSERT_TRUE(many);
  ASSERT_EQ(many->size(), 2U);
  EXPECT_EQ((*many)[1].view(), (chat::MessageView{.id = "", .from = "a", .to = "b", .payload = "x", .at = 0}));
  EXPECT_TRUE(parse_send_body("[]")->empty());
}

TEST(SendBody, IsBounded) {
  EXPECT_TRUE(parse_send_body(array_of(kSendMessagesMax)));
  EXPECT_EQ(code_of(array_of(kSendMessagesMax + 1)), ErrorCode::too_large);
}

TEST(SendBody, Errors) {
  EXPECT_EQ(code_of("nope"), ErrorCode::bad_json);
  EXPECT_EQ(code_of("7"), ErrorCode::bad_json);
  EXPECT_EQ(code_of("[7]"), ErrorCode::bad_frame);
  EXPECT_EQ(code_of(R"({"from":"a","to":"b","payload":"x"})"), ErrorCode::bad_frame);
  EXPECT_EQ(code_of(R"({"type":"typing","from":"a","to":"b"})"), ErrorCode::unknown_type);
  EXPECT_EQ(code_of(R"({"type":"normal","to":"b","payload":"x"})"), ErrorCode::bad_frame);
  EXPECT_EQ(code_of(R"({"type":"normal","from":"a","to":"b","payload":""})"), ErrorCode::bad_frame);
  const auto second = parse_send_body(R"([{"type":"normal","from":"a","to":"b","payload":"x"},{"type":"normal"}])");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("message 1"));
}

}  // namespace
}  // namespace simplechat::wire

#include "wire/contains_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace simplechat::wire {
namespace {

using chat::ErrorCode;
using ::testing::HasSubstr;

TEST(ContainsBody, TheQuestionRoundTrips) {
  const std::vector<chat::MessageKey> keys = {
      {.from = "alice", .to = "bob", .id = "1"},
      {.from = "a.b_c-d@e+f", .to = "#team", .id = R"(quotes ' " \ and blanks)"},
      {.from = "17", .to = "17", .id = std::string(64, '~')},
  };
  const auto parsed = parse_contains(encode_contains(keys));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, keys);
  EXPECT_EQ(encode_contains({keys.data(), 1}), R"({"messages":[{"from":"alice","to":"bob","id":"1"}]})");
  EXPECT_EQ(encode_contains({}), R"({"messages":[]})");
  EXPECT_EQ(parse_contains(R"({"messages":[]})"), std::vector<chat::MessageKey>());
}

TEST(ContainsBody, TheAnswerRoundTrips) {
  EXPECT_EQ(encode_contained(true), R"({"status":"success","contained":true})");
  EXPECT_EQ(encode_contained(false), R"({"status":"success","contained":false})");
  EXPECT_EQ(parse_contained(encode_contained(true)), true);
  EXPECT_EQ(parse_contained(encode_contained(false)), false);
}

TEST(ContainsBody, RefusesAQuestionThatIsNotOfTheForm) {
  for (const char* const body : {
           R"({})",
           R"({"messages":{}})",
           R"({"messages":[7]})",
           R"({"messages":[{}]})",
           R"({"messages":[{"to":"b","id":"1"}]})",
           R"({"messages":[{"from":"a","id":"1"}]})",
           R"({"messages":[{"from":"a","to":"b"}]})",
           R"({"messages":[{"from":"#a","to":"b","id":"1"}]})",
           R"({"messages":[{"from":"a","to":"b,c","id":"1"}]})",
           R"({"messages":[{"from":"a","to":"b","id":""}]})",
           R"({"messages":[{"from":"a","to":"b","id":"\u0000"}]})",
           R"({"messages":[{"from":"a","to":"b","id":1}]})",
       }) {
    EXPECT_EQ(parse_contains(body).error().code, ErrorCode::bad_frame) << body;
  }
  EXPECT_THAT(parse_contains(R"({"messages":[{"from":"a","to":"b","id":"1"},{"from":"a","to":"b"}]})").error().message,
              HasSubstr("message 1: \"id\" is missing"));
  for (const char* const body : {"", "<html>", "[]", R"({"messages":[)"}) {
    EXPECT_EQ(parse_contains(body).error().code, ErrorCode::bad_json) << body;
  }
}

TEST(ContainsBody, TakesAsManyMessagesAsTheStoreDoes) {
  std::vector<chat::MessageKey> keys(chat::kContainsKeysMax, {.from = "a", .to = "b", .id = "1"});
  EXPECT_EQ(parse_contains(encode_contains(keys)), keys);
  keys.push_back(keys.front());
  EXPECT_EQ(parse_contains(encode_contains(keys)).error().code, ErrorCode::too_large);
}

TEST(ContainsBody, RefusesAnAnswerThatIsNotOfTheForm) {
  for (const char* const body : {R"({})", R"({"contained":true})", R"({"status":"success"})",
                                 R"({"status":"success","contained":1})", R"({"status":"error","contained":true})"}) {
    EXPECT_EQ(parse_contained(body).error().code, ErrorCode::bad_frame) << body;
  }
  EXPECT_EQ(parse_contained("<html>").error().code, ErrorCode::bad_json);
}

}  // namespace
}  // namespace simplechat::wire

#include "wire/pages_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

using chat::ErrorCode;
using ::testing::HasSubstr;

chat::MessageBatch sample_messages() {
  chat::MessageBatch messages;
  chat::Timestamp at = 0;
  for (const std::string& text : sample_texts()) {
    messages.add({.id = "m" + std::to_string(++at), .from = "a", .to = "#g", .payload = text, .at = at});
  }
  return messages;
}

void expect_equal(const chat::MessageBatch& left, const chat::MessageBatch& right) {
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i], right[i]) << i;
}

TEST(PagesBody, HistoryRoundTrips) {
  const chat::HistoryPage page{.messages = sample_messages(), .more = true};
  const auto parsed = parse_history_page(encode_history_page("b", page));
  ASSERT_TRUE(parsed) << parsed.error().message;
  expect_equal(parsed->messages, page.messages);
  EXPECT_TRUE(parsed->more);
  EXPECT_EQ(encode_history_page("#g", {}), R"({"status":"success","with":"#g","messages":[],"more":false})");
}

TEST(PagesBody, SyncRoundTrips) {
  const chat::SyncPage page{.messages = sample_messages(), .cursor = "12:34", .more = true};
  const auto parsed = parse_sync_page(encode_sync_page(page));
  ASSERT_TRUE(parsed) << parsed.error().message;
  expect_equal(parsed->messages, page.messages);
  EXPECT_EQ(parsed->cursor, "12:34");
  EXPECT_TRUE(parsed->more);
  EXPECT_EQ(encode_sync_page({}), R"({"status":"success","messages":[],"cursor":"","more":false})");
  EXPECT_FALSE(parsed->withheld);
  EXPECT_TRUE(parse_sync_page(encode_sync_page({.messages = {}, .cursor = {}, .withheld = true}))->withheld);
}

TEST(PagesBody, ConversationsRoundTrip) {
  chat::ConversationsPage page;
  page.more = true;
  page.conversations.push_back({.with = "b",
                                .last = {.id = "1", .from = "a", .to = "b", .payload = "\n😀", .at = 9},
                                .unread = 1000,
                                .read_at = 3,
                                .received_at = 4,
                                .peer_read_at = 5,
                                .peer_received_at = 6});
  page.conversations.push_back({.with = "#g", .last = {.id = "2", .from = "a", .to = "#g", .payload = "y", .at = 8}});
  const std::string body = encode_conversations_page(page);
  EXPECT_THAT(body, ::testing::StartsWith(R"({"status":"success","conversations":[{"with":"b","last":{"id":"1")"));
  const auto parsed = parse_conversations_page(body);
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->conversations.size(), 2U);
  EXPECT_TRUE(parsed->more);
  for (std::size_t i = 0; i < 2; ++i) {
    const chat::Conversation& left = parsed->conversations[i];
    const chat::Conversation& right = page.conversations[i];
    EXPECT_EQ(left.with, right.with);
    EXPECT_EQ(left.last.view(), right.last.view());
    EXPECT_EQ(left.unread, right.unread);
    EXPECT_EQ(left.read_at, right.read_at);
    EXPECT_EQ(left.received_at, right.received_at);
    EXPECT_EQ(left.peer_read_at, right.peer_read_at);
    EXPECT_EQ(left.peer_received_at, right.peer_received_at);
  }
}

TEST(PagesBody, RefusesWhatIsNotOfTheForm) {
  for (const char* const body : {
           R"({})",
           R"({"status":"error","code":"internal","message":""})",
           R"({"status":"success"})",
           R"({"status":"success","messages":[]})",
           R"({"status":"success","messages":{},"more":true,"cursor":""})",
           R"({"status":"success","messages":[7],"more":true,"cursor":""})",
           R"({"status":"success","messages":[{"id":"1","from":"a","to":"b","payload":"x"}],"more":true,"cursor":""})",
           R"({"messages":[],"conversations":[],"more":true,"cursor":""})",
           R"({"status":"success","messages":[],"conversations":[{}],"more":0,"cursor":""})",
       }) {
    EXPECT_EQ(parse_history_page(body).error().code, ErrorCode::bad_frame) << body;
    EXPECT_EQ(parse_sync_page(body).error().code, ErrorCode::bad_frame) << body;
    EXPECT_EQ(parse_conversations_page(body).error().code, ErrorCode::bad_frame) << body;
  }
  EXPECT_EQ(parse_history_page("<html>").error().code, ErrorCode::bad_json);
  EXPECT_THAT(parse_conversations_page(R"({"status":"success","more":true,"conversations":[{"with":"b","last":{}}]})")
                  .error()
                  .message,
              HasSubstr("conversation 0: \"id\" is missing"));
  EXPECT_THAT(parse_sync_page(R"({"status":"success","messages":[],"more":true})").error().message,
              HasSubstr("cursor"));
}

TEST(HttpError, RoundTripsEveryCode) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const chat::Error error = parse_http_error(R"({"status":"error","code":")" + std::string(to_string(code)) +
                                               R"(","message":"so \"it\" is"})");
    EXPECT_EQ(error.code, code);
    EXPECT_EQ(error.message, "so \"it\" is");
  }
}

TEST(HttpError, AnythingElseIsInternal) {
  for (const char* const body :
       {"", "<html>", "[]", "{}", R"({"status":"error","code":"other","message":"m"})",
        R"({"status":"error","code":"not_found"})", R"({"status":"success","code":"not_found","message":"m"})"}) {
    const chat::Error error = parse_http_error(body);
    EXPECT_EQ(error.code, ErrorCode::internal) << body;
    EXPECT_NE(error.message, "") << body;
  }
}

}  // namespace
}  // namespace simplechat::wire

#include "wire/queue_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

using chat::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

chat::Mark mark(std::string user, chat::MarkKind kind, chat::Timestamp at) {
  return {.user = std::move(user), .with = "#team", .kind = kind, .at = at};
}

void expect_equal(const chat::RecordBatch& left, const chat::RecordBatch& right) {
  EXPECT_EQ(left.marks, right.marks);
  ASSERT_EQ(left.messages.size(), right.messages.size());
  for (std::size_t i = 0; i < left.messages.size(); ++i) EXPECT_EQ(left.messages[i], right.messages[i]) << i;
}

class QueueBody : public ::testing::Test {
 protected:
  chat::Result<void> parse(std::string_view body) {
    return parser_.parse(body,
                         {.make_id = [this] { return "made-" + std::to_string(++ids_made_); },
                          .now = [] { return chat::Timestamp{77}; }},
                         out_);
  }

  chat::Error fail(std::string_view body) {
    const auto parsed = parse(body);
    EXPECT_FALSE(parsed) << body.substr(0, 200);
    return parsed ? chat::Error{} : parsed.error();
  }

  QueueBodyParser parser_;
  chat::RecordBatch out_;
  int ids_made_ = 0;
};

TEST_F(QueueBody, RoundTrips) {
  chat::RecordBatch batch;
  int n = 0;
  for (const std::string& text : sample_texts()) {
    batch.messages.add({.id = "id \"" + std::to_string(++n), .from = "alice", .to = "bob", .payload = text, .at = n});
  }
  batch.marks = {mark("alice", chat::MarkKind::read, 5), mark("bob", chat::MarkKind::received, 0)};
  std::string body;
  append_queue_body(body, batch);
  ASSERT_TRUE(parse(body));
  expect_equal(out_, batch);
  EXPECT_EQ(ids_made_, 0);
}

TEST_F(QueueBody, RoundTripsBatchesOfOneKind) {
  chat::RecordBatch batch;
  std::string body;
  append_queue_body(body, batch);
  EXPECT_EQ(body, "[]");
  ASSERT_TRUE(parse(body));
  EXPECT_TRUE(out_.empty());

  batch.marks = {mark("alice", chat::MarkKind::read, 5)};
  body.clear();
  append_queue_body(body, batch);
  EXPECT_EQ(body, R"([{"type":"read","user":"alice","with":"#team","at":5}])");
  ASSERT_TRUE(parse(body));
  expect_equal(out_, batch);
}

TEST_F(QueueBody, ARecordIsABody) {
  std::string body;
  append_queue_record(body, chat::MessageView{.id = "1", .from = "a", .to = "b", .payload = "x", .at = 9});
  EXPECT_EQ(body, R"({"type":"normal","id":"1","from":"a","to":"b","payload":"x","at":9})");
  ASSERT_TRUE(parse(body));
  body.clear();
  append_queue_record(body, mark("a", chat::MarkKind::received, 3));
  EXPECT_EQ(body, R"({"type":"received","user":"a","with":"#team","at":3})");
  ASSERT_TRUE(parse(body));
  EXPECT_EQ(out_.messages.size(), 1U);
  EXPECT_EQ(out_.marks.size(), 1U);
}

TEST_F(QueueBody, OriginalBodiesGetIdAndTime) {
  ASSERT_TRUE(parse(R"({"type":"normal","from":1,"to":2,"payload":"x","session":{"deep":[1]}})"));
  ASSERT_EQ(out_.messages.size(), 1U);
  EXPECT_EQ(out_.messages[0], (chat::MessageView{.id = "made-1", .from = "1", .to = "2", .payload = "x", .at = 77}));
  ASSERT_TRUE(parse(R"([{"type":"normal","from":"a","to":"b","payload":"x","id":"own"},)"
                    R"({"type":"normal","from":"a","to":"b","payload":"y","at":5}])"));
  EXPECT_EQ(out_.messages[1].id, "own");
  EXPECT_EQ(out_.messages[1].at, 77);
  EXPECT_EQ(out_.messages[2].id, "made-2");
  EXPECT_EQ(out_.messages[2].at, 5);
}

TEST_F(QueueBody, AllOrNothing) {
  ASSERT_TRUE(parse(R"({"type":"read","user":"a","with":"b","at":1})"));
  const chat::Error error = fail(R"([{"type":"normal","from":"a","to":"b","payload":"x"},)"
                                 R"({"type":"read","user":"a","with":"b","at":2},)"
                                 R"({"type":"normal","from":"a","to":"","payload":"secret"}])");
  EXPECT_EQ(error.code, ErrorCode::bad_frame);
  EXPECT_THAT(error.message, AllOf(HasSubstr("record 2"), HasSubstr("\"to\""), Not(HasSubstr("secret"))));
  EXPECT_TRUE(out_.messages.empty());
  EXPECT_EQ(out_.marks.size(), 1U);
  ASSERT_TRUE(parse(R"({"type":"read","user":"a","with":"b","at":3})"));  // nothing stays behind from the bad body
  EXPECT_TRUE(out_.messages.empty());
  EXPECT_EQ(out_.marks.size(), 2U);
}

TEST_F(QueueBody, BadBodies) {
  for (const char* const body : {"", "x", "5", "\"a\"", "null", "[", R"([{"type":"normal"]})", "\xff"}) {
    EXPECT_EQ(fail(body).code, ErrorCode::bad_json) << body;
  }
  for (const char* const body : {
           "{}",
           "[1]",
           "[[]]",
           "[null]",
           R"({"type":7})",
           R"({"type":"normal","to":"b","payload":"x"})",
           R"({"type":"normal","from":"#g","to":"b","payload":"x"})",
           R"({"type":"normal","from":"a","payload":"x"})",
           R"({"type":"normal","from":"a","to":"b"})",
           R"({"type":"normal","from":"a","to":"b","payload":""})",
           R"({"type":"normal","from":"a","to":"b","payload":"x","id":""})",
           R"({"type":"normal","from":"a","to":"b","payload":"x","at":-1})",
           R"({"type":"normal","from":"a","to":"b","payload":"x","at":"1"})",
           R"({"type":"read","with":"b","at":1})",
           R"({"type":"read","user":"a","at":1})",
           R"({"type":"read","user":"a","with":"b"})",
       }) {
    EXPECT_EQ(fail(body).code, ErrorCode::bad_frame) << body;
  }
  const chat::Error unknown = fail(R"([{"type":"typing","from":"a","to":"b"}])");
  EXPECT_EQ(unknown.code, ErrorCode::unknown_type);
  EXPECT_THAT(unknown.message, AllOf(HasSubstr("record 0"), HasSubstr("typing")));
  EXPECT_EQ(fail(R"({"type":"normal","from":"a","to":"b","payload":")" +
                 std::string(chat::limits::kPayloadBytesMax + 1, 'x') + "\"}")
                .code,
            ErrorCode::too_large);
  EXPECT_TRUE(out_.empty());
}

}  // namespace
}  // namespace simplechat::wire

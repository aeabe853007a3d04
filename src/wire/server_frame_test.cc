#include "wire/server_frame.h"

#include <gtest/gtest.h>

#include "wire/json_reader.h"
#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

template <class... Args>
std::string made(void (*append)(std::string&, Args...), std::type_identity_t<Args>... args) {
  std::string out = "before";  // frames are appended, whatever stands there
  append(out, args...);
  EXPECT_EQ(out.substr(0, 6), "before");
  return out.substr(6);
}

chat::MessageView message(std::string_view payload) {
  return {.id = "m\"1", .from = "alice", .to = "#team", .payload = payload, .at = 1700000000000001};
}

TEST(ServerFrame, TellsTheIdsOfANormalFrame) {
  const std::string frame =
      made(append_normal, {.id = "id-1", .from = "alice", .to = "bob", .payload = R"(","from":"x)", .at = 7});
  const auto ids = normal_ids(frame);
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->id, "id-1");
  EXPECT_EQ(ids->from, "alice");
  EXPECT_EQ(ids->to, "bob");
  EXPECT_FALSE(normal_ids(R"({"type":"typing","from":"alice","to":"bob"})"));
  EXPECT_FALSE(normal_ids(""));
}

TEST(ServerFrame, SmallFrames) {
  EXPECT_EQ(made(append_registered, "alice", "s1", 7), R"({"type":"registered","user":"alice","session":"s1","at":7})");
  EXPECT_EQ(made(append_unregistered), R"({"type":"unregistered"})");
  EXPECT_EQ(made(append_ack, "i\\d", "bob", 9007199254740991),
            R"({"type":"ack","id":"i\\d","to":"bob","at":9007199254740991})");
  EXPECT_EQ(made(append_typing, "alice", "#team"), R"({"type":"typing","from":"alice","to":"#team"})");
  EXPECT_EQ(made(append_mark, chat::Mark{.user = "a", .with = "b", .kind = chat::MarkKind::read, .at = 3}),
            R"({"type":"read","from":"a","with":"b","at":3})");
  EXPECT_EQ(made(append_mark, chat::Mark{.user = "a", .with = "#g", .kind = chat::MarkKind::received, .at = 4}),
            R"({"type":"received","from":"a","with":"#g","at":4})");
  EXPECT_EQ(made(append_resync), R"({"type":"resync"})");
  EXPECT_EQ(made(append_draining, 5000), R"({"type":"draining","afterMs":5000})");
  EXPECT_EQ(made(append_pong, R"("r")", 8), R"({"type":"pong","ref":"r","at":8})");
  EXPECT_EQ(made(append_pong, "", 8), R"({"type":"pong","at":8})");
}

TEST(ServerFrame, Errors) {
  const chat::Error error{chat::ErrorCode::rate_limited, "say \"less\""};
  EXPECT_EQ(made(append_error, error, "", "", -1),
            R"({"type":"error","code":"rate_limited","message":"say \"less\""})");
  EXPECT_EQ(made(append_error, error, "m\"1", "12", 0),
            R"({"type":"error","code":"rate_limited","message":"say \"less\"","id":"m\"1","ref":12,"retryMs":0})");
}

TEST(ServerFrame, Normal) {
  EXPECT_EQ(made(append_normal, message("hi\n")),
            R"({"type":"normal","id":"m\"1","from":"alice","to":"#team","payload":"hi\n","at":1700000000000001})");
}

TEST(ServerFrame, NormalRoundTripsEveryPayload) {
  JsonDocument document;
  for (const std::string& text : sample_texts()) {
    const std::string frame = made(append_normal, message(text));
    const auto object = document.parse_object(frame);
    ASSERT_TRUE(object);
    ObjectReader reader(*object);
    EXPECT_EQ(reader.type(""), "normal");
    EXPECT_EQ(reader.message(Presence::required), message(text));
    EXPECT_FALSE(reader.failed());
  }
}

TEST(ServerFrame, History) {
  chat::HistoryPage page;
  EXPECT_EQ(made(append_history, R"("r")", "bob", page),
            R"({"type":"history","ref":"r","with":"bob","messages":[],"more":false})");
  page.messages.add({.id = "1", .from = "a", .to = "b", .payload = "x", .at = 1});
  page.messages.add({.id = "2", .from = "b", .to = "a", .payload = "y", .at = 2});
  page.more = true;
  EXPECT_EQ(made(append_history, "", "bob", page),
            R"({"type":"history","with":"bob","messages":[{"id":"1","from":"a","to":"b","payload":"x","at":1},)"
            R"({"id":"2","from":"b","to":"a","payload":"y","at":2}],"more":true})");
}

TEST(ServerFrame, Sync) {
  chat::SyncPage page;
  page.cursor = "7:9";
  EXPECT_EQ(made(append_sync, "1", page), R"({"type":"sync","ref":1,"messages":[],"cursor":"7:9","more":false})");
  page.messages.add({.id = "1", .from = "a", .to = "b", .payload = "x", .at = 1});
  page.more = true;
  EXPECT_EQ(
      made(append_sync, "", page),
      R"({"type":"sync","messages":[{"id":"1","from":"a","to":"b","payload":"x","at":1}],"cursor":"7:9","more":true})");
}

TEST(ServerFrame, Conversations) {
  chat::ConversationsPage page;
  EXPECT_EQ(made(append_conversations, "", page), R"({"type":"conversations","conversations":[],"more":false})");
  const chat::Conversation conversation{.with = "b",
                                        .last = {.id = "1", .from = "a", .to = "b", .payload = "x", .at = 9},
                                        .unread = 2,
                                        .read_at = 3,
                                        .received_at = 4,
                                        .peer_read_at = 5,
                                        .peer_received_at = 6};
  page.conversations = {conversation, conversation};
  page.more = true;
  const std::string each = R"({"with":"b","last":{"id":"1","from":"a","to":"b","payload":"x","at":9},"unread":2,)"
                           R"("readAt":3,"receivedAt":4,"peerReadAt":5,"peerReceivedAt":6})";
  EXPECT_EQ(made(append_conversations, "5", page),
            R"({"type":"conversations","ref":5,"conversations":[)" + each + "," + each + R"(],"more":true})");
}

}  // namespace
}  // namespace simplechat::wire

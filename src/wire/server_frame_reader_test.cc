#include "wire/server_frame_reader.h"

#include <gtest/gtest.h>

#include "wire/sample_text.h"
#include "wire/server_frame.h"

namespace simplechat::wire::server {
namespace {

template <class T>
T read_as(std::string_view text) {
  FrameReader reader;
  auto frame = reader.read(text);
  if (!frame) ADD_FAILURE() << text << ": " << frame.error().message;
  if (!frame || !std::holds_alternative<T>(*frame)) {
    ADD_FAILURE() << "another frame: " << text;
    return T{};
  }
  return std::get<T>(*std::move(frame));
}

chat::ErrorCode failure(std::string_view text) {
  FrameReader reader;
  const auto frame = reader.read(text);
  EXPECT_FALSE(frame) << text;
  return frame ? chat::ErrorCode::internal : frame.error().code;
}

// What the gateway's encoders write is what is read.
TEST(ServerFrameReader, ReadsWhatTheGatewayWrites) {
  std::string out;
  append_registered(out, "alice", "s1", 7);
  EXPECT_EQ(read_as<Registered>(out).user, "alice");
  EXPECT_EQ(read_as<Registered>(out).at, 7);

  out.clear();
  append_ack(out, "i\\\"d", "#team", 9007199254740991);
  const auto ack = read_as<Ack>(out);
  EXPECT_EQ(ack.id, "i\\\"d");
  EXPECT_EQ(ack.to, "#team");
  EXPECT_EQ(ack.at, 9007199254740991);

  out.clear();
  append_typing(out, "alice", "bob");
  EXPECT_EQ(read_as<Typing>(out).from, "alice");

  out.clear();
  const chat::Mark mark{.user = "alice", .with = "bob", .kind = chat::MarkKind::read, .at = 5};
  append_mark(out, mark);
  EXPECT_EQ(read_as<chat::Mark>(out), mark);

  out.clear();
  append_draining(out, 500);
  EXPECT_EQ(read_as<Draining>(out).after_ms, 500);

  out.clear();
  append_resync(out);
  read_as<Resync>(out);
  out.clear();
  append_unregistered(out);
  read_as<Unregistered>(out);
  out.clear();
  append_pong(out, R"("p1")", 8);
  EXPECT_EQ(read_as<Pong>(out).ref, "p1");
}

TEST(ServerFrameReader, ReadsEveryPayload) {
  for (const std::string& text : sample_texts()) {
    std::string out;
    append_normal(out, {.id = "1", .from = "alice", .to = "bob", .payload = text, .at = 3});
    EXPECT_EQ(read_as<Normal>(out).message.payload, text);
  }
}

TEST(ServerFrameReader, ReadsPages) {
  chat::HistoryPage history;
  history.messages.add({.id = "1", .from = "alice", .to = "bob", .payload = "hi", .at = 3});
  history.messages.add({.id = "2", .from = "bob", .to = "alice", .payload = "\n\"", .at = 4});
  history.more = true;
  std::string out;
  append_history(out, R"("h1")", "bob", history);
  const auto page = read_as<History>(out);
  EXPECT_EQ(page.ref, "h1");
  EXPECT_EQ(page.with, "bob");
  ASSERT_EQ(page.messages.size(), 2U);
  EXPECT_EQ(page.messages[1].payload, "\n\"");
  EXPECT_TRUE(page.more);

  chat::SyncPage sync;
  sync.cursor = "c7";
  out.clear();
  append_sync(out, R"("s1")", sync);
  EXPECT_EQ(read_as<Sync>(out).cursor, "c7");
  EXPECT_FALSE(read_as<Sync>(out).more);
}

TEST(ServerFrameReader, ReadsErrors) {
  std::string out;
  append_error(out, {chat::ErrorCode::rate_limited, "less"}, "m1", R"("r1")", 250);
  const auto error = read_as<Error>(out);
  EXPECT_EQ(error.code, "rate_limited");
  EXPECT_EQ(error.message, "less");
  EXPECT_EQ(error.id, "m1");
  EXPECT_EQ(error.ref, "r1");
  EXPECT_EQ(error.retry_ms, 250);
}

TEST(ServerFrameReader, IgnoresWhatALaterVersionAdds) {
  EXPECT_EQ(read_as<Other>(R"({"type":"attachment","id":7})").type, "attachment");
  EXPECT_EQ(read_as<Error>(R"({"type":"error","code":"new_code","ref":12,"retryMs":"soon"})").code, "new_code");
  EXPECT_EQ(read_as<Error>(R"({"type":"error","code":"new_code","ref":12,"retryMs":-1})").retry_ms, 0);
  EXPECT_EQ(read_as<Ack>(R"({"type":"ack","id":"1","to":7,"at":1,"new":[{}]})").to, "7");
  EXPECT_EQ(read_as<Draining>(R"({"type":"draining"})").after_ms, 0);
}

TEST(ServerFrameReader, TakesAPayloadBeyondTheGatewaysBound) {
  std::string out;
  const std::string text(std::size_t{100} * 1024, 'x');
  append_normal(out, {.id = "1", .from = "alice", .to = "bob", .payload = text, .at = 3});
  EXPECT_EQ(read_as<Normal>(out).message.payload.size(), text.size());
}

TEST(ServerFrameReader, RefusesWhatIsNotOfTheContract) {
  EXPECT_EQ(failure(""), chat::ErrorCode::bad_json);
  EXPECT_EQ(failure("[]"), chat::ErrorCode::bad_json);
  EXPECT_EQ(failure(R"({"type":"ack")"), chat::ErrorCode::bad_json);
  EXPECT_EQ(failure("{}"), chat::ErrorCode::bad_frame);
  EXPECT_EQ(failure(R"({"type":7})"), chat::ErrorCode::bad_frame);
  EXPECT_EQ(failure(R"({"type":"ack","id":"1","to":"bob"})"), chat::ErrorCode::bad_frame);
  EXPECT_EQ(failure(R"({"type":"normal","id":"1","from":"a\u001b[31m","to":"b","payload":"x","at":1})"),
            chat::ErrorCode::bad_frame);
  EXPECT_EQ(failure(R"({"type":"history","with":"b","messages":[{"id":"1"}],"more":false})"),
            chat::ErrorCode::bad_frame);
  EXPECT_EQ(failure(R"({"type":"sync","messages":7,"cursor":"c","more":false})"), chat::ErrorCode::bad_frame);
}

}  // namespace
}  // namespace simplechat::wire::server

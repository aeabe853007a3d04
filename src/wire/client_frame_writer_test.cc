#include "wire/client_frame_writer.h"

#include <gtest/gtest.h>

#include "wire/client_frame.h"
#include "wire/sample_text.h"

namespace simplechat::wire::client {
namespace {

// Each test reads with the gateway's parser what the client wrote.
class ClientFrameWriter : public ::testing::Test {
 protected:
  template <class T>
  T parsed() {
    auto frame = parser_.parse(out_);
    if (!frame) ADD_FAILURE() << out_ << ": " << frame.error().error.message;
    if (!frame || !std::holds_alternative<T>(*frame)) {
      ADD_FAILURE() << "another frame: " << out_;
      return T{};
    }
    return std::get<T>(*frame);
  }

  FrameParser parser_;
  std::string out_;
};

TEST_F(ClientFrameWriter, Register) {
  append_register(out_, "alice", "");
  EXPECT_EQ(parsed<RegisterFrame>().from, "alice");
  EXPECT_EQ(parsed<RegisterFrame>().token, "");
  out_.clear();
  append_register(out_, "alice", "a.b.c");
  EXPECT_EQ(parsed<RegisterFrame>().token, "a.b.c");
}

TEST_F(ClientFrameWriter, NormalCarriesEveryPayload) {
  for (const std::string& text : sample_texts()) {
    if (text.empty()) continue;
    out_.clear();
    append_normal(out_, "bob", "i\"1", text);
    const auto frame = parsed<NormalFrame>();
    EXPECT_EQ(frame.payload, text);
    EXPECT_EQ(frame.id, "i\"1");
    EXPECT_EQ(frame.to, "bob");
  }
}

TEST_F(ClientFrameWriter, TypingMarkAndPing) {
  append_typing(out_, "bob");
  EXPECT_EQ(parsed<TypingFrame>().to, "bob");
  out_.clear();
  append_mark(out_, chat::MarkKind::received, "bob", 17);
  EXPECT_EQ(parsed<MarkFrame>().kind, chat::MarkKind::received);
  EXPECT_EQ(parsed<MarkFrame>().at, 17);
  out_.clear();
  append_ping(out_, "p1");
  EXPECT_EQ(parsed<PingFrame>().ref, "\"p1\"");
}

TEST_F(ClientFrameWriter, Pages) {
  append_history(out_, "h1", "bob", std::nullopt, 20);
  EXPECT_EQ(parsed<HistoryFrame>().with, "bob");
  EXPECT_EQ(parsed<HistoryFrame>().limit, 20);
  EXPECT_FALSE(parsed<HistoryFrame>().before);
  out_.clear();
  append_history(out_, "h1", "bob", 99, 20);
  EXPECT_EQ(parsed<HistoryFrame>().before, 99);
  out_.clear();
  append_sync(out_, "s1", "", 200);
  EXPECT_EQ(parsed<SyncFrame>().cursor, "");
  EXPECT_FALSE(parsed<SyncFrame>().latest);
  out_.clear();
  append_sync(out_, "s1", "c1", 200);
  EXPECT_EQ(parsed<SyncFrame>().cursor, "c1");
  out_.clear();
  append_sync_latest(out_, "s1");
  EXPECT_TRUE(parsed<SyncFrame>().latest);
}

}  // namespace
}  // namespace simplechat::wire::client

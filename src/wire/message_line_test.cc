#include "wire/message_line.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

std::string line(std::string_view payload) {
  std::string out;
  append_message_line(out, {.id = "1", .from = "alice", .to = "bob", .payload = payload, .at = 7});
  return out;
}

TEST(MessageLine, IsTheContractsMessage) {
  EXPECT_EQ(line("h\"i\n"), R"({"id":"1","from":"alice","to":"bob","payload":"h\"i\n","at":7})");
  EXPECT_EQ(line("né 😀 漢"), R"({"id":"1","from":"alice","to":"bob","payload":"né 😀 漢","at":7})");
}

TEST(MessageLine, HasNoControlCharacter) {
  EXPECT_EQ(line("\x1b[31m\x7f\xc2\x9b\xc2\x80\xc2\x9f"),
            R"({"id":"1","from":"alice","to":"bob","payload":"\u001b[31m\u007f\u009b\u0080\u009f","at":7})");
  EXPECT_EQ(line("\xc2\xa0\xc2\xbf"),
            "{\"id\":\"1\",\"from\":\"alice\",\"to\":\"bob\",\"payload\":\"\xc2\xa0\xc2\xbf\",\"at\":7}");
}

TEST(MessageLine, CanBeSentOn) {
  for (const std::string& text : sample_texts()) {
    if (text.empty()) continue;
    const std::string written = line(text);
    EXPECT_TRUE(std::ranges::none_of(written, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
    const auto draft = parse_draft_line(written);
    ASSERT_TRUE(draft) << draft.error().message;
    EXPECT_EQ(draft->payload, text);
    EXPECT_EQ(draft->to, "bob");
    EXPECT_EQ(draft->id, "1");
  }
}

TEST(DraftLine, NeedsThePayloadAlone) {
  const auto draft = parse_draft_line(R"({"payload":"x"})");
  ASSERT_TRUE(draft);
  EXPECT_EQ(draft->to, "");
  EXPECT_EQ(draft->id, "");
}

TEST(DraftLine, NamesWhatIsWrong) {
  EXPECT_EQ(parse_draft_line("hello").error().code, chat::ErrorCode::bad_json);
  EXPECT_EQ(parse_draft_line("\"hello\"").error().code, chat::ErrorCode::bad_json);
  EXPECT_EQ(parse_draft_line(R"({"to":"bob"})").error().code, chat::ErrorCode::bad_frame);
  EXPECT_EQ(parse_draft_line(R"({"payload":""})").error().code, chat::ErrorCode::bad_frame);
  EXPECT_EQ(parse_draft_line(R"({"payload":"x","to":"b b"})").error().code, chat::ErrorCode::bad_frame);
  EXPECT_EQ(parse_draft_line("{\"payload\":\"" + std::string(std::size_t{65} * 1024, 'x') + "\"}").error().code,
            chat::ErrorCode::too_large);
}

}  // namespace
}  // namespace simplechat::wire

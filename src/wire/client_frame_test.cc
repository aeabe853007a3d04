#include "wire/client_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/limits.h"
#include "chat/message_store.h"
#include "wire/json.h"
#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

using chat::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ClientFrameTest : public ::testing::Test {
 protected:
  // The frame that `text` must be. Its views are valid until the next parse.
  template <class Frame>
  Frame read(std::string_view text) {
    const auto frame = parser_.parse(text);
    if (!frame) {
      ADD_FAILURE() << text.substr(0, 200) << " -> " << frame.error().error.message;
      return {};
    }
    const Frame* const expected = std::get_if<Frame>(&*frame);
    EXPECT_NE(expected, nullptr) << text.substr(0, 200);
    return expected != nullptr ? *expected : Frame{};
  }

  FrameError fail(std::string_view text) {
    const auto frame = parser_.parse(text);
    EXPECT_FALSE(frame) << text.substr(0, 200);
    return frame ? FrameError{} : frame.error();
  }

  void expect_bad(std::string_view text, std::string_view field) {
    const FrameError error = fail(text);
    EXPECT_EQ(error.error.code, ErrorCode::bad_frame) << text;
    EXPECT_THAT(error.error.message, HasSubstr("\"" + std::string(field) + "\"")) << text;
  }

  FrameParser parser_;
};

TEST_F(ClientFrameTest, Register) {
  const auto full = read<RegisterFrame>(R"({"type":"register","from":"alice","token":"abc.def","device":"my phone"})");
  EXPECT_EQ(full.from, "alice");
  EXPECT_EQ(full.token, "abc.def");
  EXPECT_EQ(full.device, "my phone");
  const auto bare = read<RegisterFrame>(R"({"type":"register","from":"a"})");
  EXPECT_EQ(bare.token, "");
  EXPECT_EQ(bare.device, "");

  const std::string token(kTokenBytesMax, 't');
  EXPECT_EQ(read<RegisterFrame>(R"({"type":"register","from":"a","token":")" + token + "\"}").token, token);
  const FrameError long_token = fail(R"({"type":"register","from":"a","token":")" + token + "t\"}");
  EXPECT_THAT(long_token.error.message, AllOf(HasSubstr("\"token\""), Not(HasSubstr("ttt"))));
  expect_bad(R"({"type":"register"})", "from");
  expect_bad(R"({"type":"register","from":"#group"})", "from");
  expect_bad(R"({"type":"register","from":"a","token":5})", "token");
  expect_bad(R"({"type":"register","from":"a","device":""})", "device");
  expect_bad(R"({"type":"register","from":"a","device":"Jürgens"})", "device");
  expect_bad(R"({"type":"register","from":"a","device":")" + std::string(65, 'd') + "\"}", "device");
}

TEST_F(ClientFrameTest, Unregister) {
  EXPECT_EQ(read<UnregisterFrame>(R"({"type":"unregister"})").from, "");
  EXPECT_EQ(read<UnregisterFrame>(R"({"type":"unregister","from":"a"})").from, "a");
}

TEST_F(ClientFrameTest, Normal) {
  const auto full =
      read<NormalFrame>(R"( {"type":"normal","from":"a","to":"bob@example.org","id":"x 1","payload":"hi"} )");
  EXPECT_EQ(full.from, "a");
  EXPECT_EQ(full.to, "bob@example.org");
  EXPECT_EQ(full.id, "x 1");
  EXPECT_EQ(full.payload, "hi");
  const auto bare = read<NormalFrame>(R"({"payload":"hi","to":"#team","type":"normal"})");
  EXPECT_EQ(bare.from, "");
  EXPECT_EQ(bare.to, "#team");
  EXPECT_EQ(bare.id, "");
}

TEST_F(ClientFrameTest, PayloadsComeThroughUnchanged) {
  for (const std::string& text : sample_texts()) {
    std::string frame = R"({"type":"normal","to":"b","payload":)";
    append_json_string(frame, text);
    frame.append("}");
    EXPECT_EQ(read<NormalFrame>(frame).payload, text);
  }
  EXPECT_EQ(read<NormalFrame>(R"({"type":"normal","to":"b","payload":"\ud83d\ude00\u0000\u00e9"})").payload,
            std::string_view("😀\0é", 7));
}

TEST_F(ClientFrameTest, PayloadIsBounded) {
  expect_bad(R"({"type":"normal","to":"b","payload":""})", "payload");
  expect_bad(R"({"type":"normal","to":"b"})", "payload");
  expect_bad(R"({"type":"normal","to":"b","payload":{"a":1}})", "payload");
  // The limit counts bytes of the text itself, not characters and not its escaped form.
  std::string text;
  while (text.size() <= chat::limits::kPayloadBytesMax) text.append("é");
  const FrameError error = fail(R"({"type":"normal","id":"m7","to":"b","payload":")" + text + "\"}");
  EXPECT_EQ(error.error.code, ErrorCode::too_large);
  EXPECT_EQ(error.id, "m7");
  EXPECT_THAT(error.error.message, AllOf(HasSubstr("65538"), HasSubstr("65536"), Not(HasSubstr("é"))));
}

TEST_F(ClientFrameTest, IntegersAreUserIds) {
  const auto frame = read<NormalFrame>(R"({"type":"normal","from":-5,"to":18446744073709551615,"payload":"x"})");
  EXPECT_EQ(frame.from, "-5");
  EXPECT_EQ(frame.to, "18446744073709551615");
  EXPECT_EQ(read<TypingFrame>(R"({"type":"typing","from":0,"to":-9223372036854775808})").to, "-9223372036854775808");
  expect_bad(R"({"type":"typing","to":1.0})", "to");
  expect_bad(R"({"type":"typing","to":1e3})", "to");
}

TEST_F(ClientFrameTest, InvalidIds) {
  for (const char* const id : {R"("")", R"("a b")", R"("é")", R"("#")", R"("#a b")", R"("##a")", R"("a,b")",
                               R"("a\u0000")", "true", "[]", "{}"}) {
    expect_bad(std::string(R"({"type":"typing","to":)") + id + "}", "to");
    expect_bad(std::string(R"({"type":"typing","to":"b","from":)") + id + "}", "from");
    expect_bad(std::string(R"({"type":"received","at":1,"with":)") + id + "}", "with");
  }
  const std::string longest(64, 'u');
  EXPECT_EQ(read<TypingFrame>(R"({"type":"typing","to":")" + longest + "\"}").to, longest);
  expect_bad(R"({"type":"typing","to":")" + longest + "u\"}", "to");
  expect_bad(R"({"type":"typing","to":"b","from":"#a"})", "from");
  expect_bad(R"({"type":"typing"})", "to");
}

TEST_F(ClientFrameTest, InvalidMessageIdIsNotEchoed) {
  for (const char* const id : {R"("")", R"("é")", R"("a\n")", "7", "true"}) {
    const std::string text = std::string(R"({"type":"normal","to":"b","payload":"x","id":)") + id + "}";
    expect_bad(text, "id");
    EXPECT_EQ(fail(text).id, "") << id;
  }
  expect_bad(R"({"type":"normal","to":"b","payload":"x","id":")" + std::string(65, 'i') + "\"}", "id");
}

TEST_F(ClientFrameTest, Marks) {
  const auto received = read<MarkFrame>(R"({"type":"received","with":"#team","at":9007199254740991})");
  EXPECT_EQ(received.kind, chat::MarkKind::received);
  EXPECT_EQ(received.with, "#team");
  EXPECT_EQ(received.at, 9007199254740991);
  const auto mark = read<MarkFrame>(R"({"type":"read","from":"a","with":"b","at":0})");
  EXPECT_EQ(mark.kind, chat::MarkKind::read);
  EXPECT_EQ(mark.from, "a");
  for (const char* const at : {"-1", "9007199254740992", "18446744073709551615", "1.5", "1e3", R"("1")", "null"}) {
    expect_bad(std::string(R"({"type":"read","with":"b","at":)") + at + "}", "at");
  }
  expect_bad(R"({"type":"read","with":"b"})", "at");
  expect_bad(R"({"type":"read","at":1})", "with");
}

TEST_F(ClientFrameTest, History) {
  const auto bare = read<HistoryFrame>(R"({"type":"history","with":"b"})");
  EXPECT_EQ(bare.with, "b");
  EXPECT_FALSE(bare.before);
  EXPECT_FALSE(bare.after);
  EXPECT_EQ(bare.limit, chat::kPageSizeDefault);
  EXPECT_EQ(bare.ref, "");
  const auto full = read<HistoryFrame>(R"({"type":"history","with":"b","before":12,"limit":200,"ref":"r1"})");
  EXPECT_EQ(full.before, 12);
  EXPECT_EQ(full.limit, 200);
  EXPECT_EQ(full.ref, R"("r1")");
  EXPECT_EQ(read<HistoryFrame>(R"({"type":"history","with":"b","after":0,"limit":1})").after, 0);
  for (const char* const limit : {"0", "201", "-1", "2.0", R"("5")", "true"}) {
    expect_bad(std::string(R"({"type":"history","with":"b","limit":)") + limit + "}", "limit");
  }
  expect_bad(R"({"type":"history","with":"b","before":-1})", "before");
  expect_bad(R"({"type":"history","with":"b","after":true})", "after");
  expect_bad(R"({"type":"history","with":"b","before":1,"after":2})", "after");
}

TEST_F(ClientFrameTest, SyncAndConversations) {
  const auto sync = read<SyncFrame>(R"({"type":"sync","cursor":"12:34","limit":3,"ref":7})");
  EXPECT_EQ(sync.cursor, "12:34");
  EXPECT_EQ(sync.limit, 3);
  EXPECT_EQ(sync.ref, "7");
  EXPECT_EQ(read<SyncFrame>(R"({"type":"sync"})").cursor, "");
  EXPECT_FALSE(sync.latest);
  EXPECT_TRUE(read<SyncFrame>(R"({"type":"sync","latest":true})").latest);
  EXPECT_EQ(read<SyncFrame>(R"({"type":"sync","latest":false,"cursor":"12:34"})").cursor, "12:34");
  expect_bad(R"({"type":"sync","latest":1})", "latest");
  expect_bad(R"({"type":"sync","latest":true,"cursor":"12:34"})", "latest");
  expect_bad(R"({"type":"sync","cursor":5})", "cursor");
  expect_bad(R"({"type":"sync","cursor":"é"})", "cursor");
  expect_bad(R"({"type":"sync","cursor":")" + std::string(129, 'c') + "\"}", "cursor");
  const auto conversations = read<ConversationsFrame>(R"({"type":"conversations","before":5})");
  EXPECT_EQ(conversations.before, 5);
  EXPECT_EQ(conversations.limit, chat::kPageSizeDefault);
}

TEST_F(ClientFrameTest, NullIsAbsent) {
  const auto message =
      read<NormalFrame>(R"({"type":"normal","from":null,"to":"b","id":null,"payload":"x","extra":null})");
  EXPECT_EQ(message.from, "");
  EXPECT_EQ(message.id, "");
  const auto history =
      read<HistoryFrame>(R"({"type":"history","with":"b","before":null,"after":7,"limit":null,"ref":null})");
  EXPECT_FALSE(history.before);
  EXPECT_EQ(history.after, 7);
  EXPECT_EQ(history.limit, chat::kPageSizeDefault);
  EXPECT_EQ(history.ref, "");
  EXPECT_EQ(read<SyncFrame>(R"({"type":"sync","cursor":null,"latest":null})").cursor, "");
  const auto registration = read<RegisterFrame>(R"({"type":"register","from":"a","token":null,"device":null})");
  EXPECT_EQ(registration.token, "");
  EXPECT_EQ(registration.device, "");
  expect_bad(R"({"type":"register","from":null})", "from");
  expect_bad(R"({"type":"typing","to":null})", "to");
  expect_bad(R"({"type":"normal","to":"b","payload":null})", "payload");
  expect_bad(R"({"type":"received","with":"b","at":null})", "at");
}

TEST_F(ClientFrameTest, RefIsEchoedAsItsJson) {
  EXPECT_EQ(read<PingFrame>(R"({"type":"ping"})").ref, "");
  EXPECT_EQ(read<PingFrame>(R"({"type":"ping","ref":"\u0041\n\"é"})").ref, R"("A\n\"é")");
  EXPECT_EQ(read<PingFrame>(R"({"type":"ping","ref":-12})").ref, "-12");
  EXPECT_EQ(read<PingFrame>(R"({"type":"ping","ref":18446744073709551615})").ref, "18446744073709551615");
  EXPECT_EQ(read<PingFrame>(R"({"type":"ping","ref":1.5})").ref, "1.5");
  EXPECT_EQ(read<PingFrame>(R"({"type":"ping","ref":""})").ref, R"("")");
  const std::string longest(126, 'r');
  EXPECT_EQ(read<PingFrame>(R"({"type":"ping","ref":")" + longest + "\"}").ref.size(), 128U);
  expect_bad(R"({"type":"ping","ref":")" + longest + "r\"}", "ref");
  for (const char* const ref : {"true", "[]", "{}"}) {
    expect_bad(std::string(R"({"type":"ping","ref":)") + ref + "}", "ref");
  }
}

TEST_F(ClientFrameTest, ErrorsCarryIdAndRef) {
  const FrameError error = fail(R"({"type":"history","id":"m1","ref":"r1","with":"b","limit":0})");
  EXPECT_EQ(error.id, "m1");
  EXPECT_EQ(error.ref, R"("r1")");
  const FrameError unknown = fail(R"({"type":"dance","id":"m2","ref":3})");
  EXPECT_EQ(unknown.id, "m2");
  EXPECT_EQ(unknown.ref, "3");
}

TEST_F(ClientFrameTest, UnknownTypes) {
  const FrameError error = fail(R"({"type":"dance"})");
  EXPECT_EQ(error.error.code, ErrorCode::unknown_type);
  EXPECT_THAT(error.error.message, HasSubstr("\"dance\""));
  // The name is cut between two characters, so that the message stays UTF-8.
  std::string name = "x";
  while (name.size() < 200) name.append("é");
  const FrameError long_name = fail(R"({"type":")" + name + "\"}");
  EXPECT_EQ(long_name.error.code, ErrorCode::unknown_type);
  EXPECT_THAT(long_name.error.message, HasSubstr("\"" + name.substr(0, 63) + "\""));
  EXPECT_EQ(fail(R"({"type":"NORMAL"})").error.code, ErrorCode::unknown_type);
  EXPECT_EQ(fail(R"({"type":""})").error.code, ErrorCode::unknown_type);
  for (const char* const text : {"{}", R"({"type":1})", R"({"type":null})", R"({"Type":"ping"})"})
    expect_bad(text, "type");
}

TEST_F(ClientFrameTest, UnknownFieldsAreIgnoredAndTheFirstOfDuplicatesCounts) {
  const auto frame = read<NormalFrame>(
      R"({"type":"normal","x":[{"to":"no"}],"to":"b","to":"c","payload":"1","payload":2,"type":"ping","at":"?"})");
  EXPECT_EQ(frame.to, "b");
  EXPECT_EQ(frame.payload, "1");
}

TEST_F(ClientFrameTest, BadJson) {
  for (const std::string_view text : {std::string_view(""),
                                      std::string_view(" "),
                                      std::string_view("{"),
                                      std::string_view("{}{}"),
                                      std::string_view("{} x"),
                                      std::string_view("[]"),
                                      std::string_view("5"),
                                      std::string_view("\"a\""),
                                      std::string_view("null"),
                                      std::string_view(R"({"type":"ping",})"),
                                      std::string_view("{'type':'ping'}"),
                                      std::string_view("{\"type\":\"ping\"}\0", 16),
                                      std::string_view("{\"type\":\"pi\nng\"}"),
                                      std::string_view("\xef\xbb\xbf{}"),
                                      std::string_view(R"({"a":01})"),
                                      std::string_view(R"({"a":NaN})"),
                                      std::string_view(R"({"a":1e999})"),
                                      std::string_view("{\"a\":\"\xff\"}"),
                                      std::string_view("{\"a\":\"\xed\xa0\x80\"}"),
                                      std::string_view("{\"a\":\"\xc0\x80\"}"),
                                      std::string_view(R"({"a":"\ud800"})"),
                                      std::string_view(R"({"a":"\udc00"})"),
                                      std::string_view(R"({"a":"\ud800\ud800"})"),
                                      std::string_view(R"({"a":"\ud800\u0041"})"),
                                      std::string_view(R"({"a":"\ud83d\ue000"})"),
                                      std::string_view(R"({"a":"\x41"})")}) {
    EXPECT_EQ(fail(text).error.code, ErrorCode::bad_json) << text;
  }
}

TEST_F(ClientFrameTest, NestingIsBounded) {
  const auto nested = [](std::size_t arrays) {
    return R"({"type":"ping","x":)" + std::string(arrays, '[') + "1" + std::string(arrays, ']') + "}";
  };
  read<PingFrame>(nested(15));
  EXPECT_EQ(fail(nested(16)).error.code, ErrorCode::bad_json);
  EXPECT_EQ(fail(nested(50'000)).error.code, ErrorCode::bad_json);
  read<PingFrame>(nested(15));  // and the parser goes on
}

TEST_F(ClientFrameTest, ParsersMove) {
  FrameParser moved = std::move(parser_);
  const auto frame = moved.parse(R"({"type":"typing","from":1,"to":2})");
  ASSERT_TRUE(frame);
  FrameParser again = std::move(moved);
  EXPECT_EQ(std::get<TypingFrame>(*frame).from, "1");
  EXPECT_EQ(std::get<TypingFrame>(*frame).to, "2");
}

}  // namespace
}  // namespace simplechat::wire

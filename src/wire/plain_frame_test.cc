#include "wire/plain_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "chat/limits.h"
#include "wire/json.h"
#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

// `frame`, an object, with a member that makes it the full parser's.
std::string with_number(std::string frame) {
  frame.insert(frame.rfind('}'), R"(,"~":0)");
  return frame;
}

void expect_as_full_parser(const NormalFrame& scanned, const std::string& text) {
  FrameParser parser;
  const auto full = parser.parse(with_number(text));
  ASSERT_TRUE(full) << text;
  const auto& normal = std::get<NormalFrame>(*full);
  EXPECT_EQ(scanned.from, normal.from) << text;
  EXPECT_EQ(scanned.to, normal.to) << text;
  EXPECT_EQ(scanned.id, normal.id) << text;
  EXPECT_EQ(scanned.payload, normal.payload) << text;
}

TEST(ScanNormal, ReadsWhatTheFullParserReads) {
  const std::vector<std::string> texts = {
      R"({"type":"normal","from":"a","to":"bob@example.org","id":"x 1","payload":"hi"})",
      R"({"payload":"hi","to":"#team","type":"normal"})",
      " {\t\"type\" :\r\n\"normal\" , \"to\":\"b\",\"payload\":\"x\" } \n",
      R"({"type":"normal","to":"b","payload":"x","client":"web","":""})",
      R"({"type":"normal","type":"typing","to":"b","to":"c","payload":"x","payload":""})",
      R"({"type":"normal","to":"b","payload":"Grüße 👩‍👩‍👧‍👦 你好"})",
  };
  for (const std::string& text : texts) {
    const auto scanned = scan_normal(text);
    ASSERT_TRUE(scanned) << text;
    expect_as_full_parser(*scanned, text);
  }
}

TEST(ScanNormal, LeavesAllElseToTheFullParser) {
  const std::string longest(chat::limits::kPayloadBytesMax, 'x');
  const std::vector<std::string> texts = {
      "",
      "{",
      "{}",
      "[]",
      R"("normal")",
      "\xef\xbb\xbf{}",
      R"({"type":"typing","to":"b","payload":"x"})",
      R"({"to":"b","payload":"x"})",
      R"({"type":"normal","payload":"x"})",
      R"({"type":"normal","to":"b"})",
      R"({"type":"normal","to":"b","payload":""})",
      R"({"type":"normal","to":"","payload":"x"})",
      R"({"type":"normal","to":"b c","payload":"x"})",
      R"({"type":"normal","to":7,"payload":"x"})",
      R"({"type":"normal","to":"b","from":"","payload":"x"})",
      R"({"type":"normal","to":"b","from":"#g","payload":"x"})",
      R"({"type":"normal","to":"b","id":"","payload":"x"})",
      R"({"type":"normal","to":"b","id":"é","payload":"x"})",
      R"({"type":"normal","to":"b","payload":"\n"})",
      R"({"type":"normal","to":"b","payload":"x","n":1})",
      R"({"type":"normal","to":"b","payload":"x","p\u0061yload":"y"})",
      R"({"type":"normal","to":"b","payload":"x"}})",
      R"({"type":"normal","to":"b","payload":"x",})",
      R"({"type":"normal","to":"b" "payload":"x"})",
      R"({"type":"normal","to":"b","payload":"x")",
      R"({"type":"normal","to":"b","payload":"x)",
      R"({"type":"normal" "normal","to":"b","payload":"x"})",
      R"({type:"normal","to":"b","payload":"x"})",
      "{\"type\":\"normal\",\"to\":\"b\",\"payload\":\"a\nb\"}",
      "{\"type\":\"normal\",\"to\":\"b\",\"payload\":\"\xff\"}",
      "{\"type\":\"normal\",\"to\":\"b\",\"payload\":\"x\",\"\xc3\":\"\"}",
      R"({"type":"normal","to":"b","payload":")" + longest + "x\"}",
  };
  for (const std::string& text : texts) EXPECT_FALSE(scan_normal(text)) << text.substr(0, 100);
}

TEST(ScanNormal, AnyPayload) {
  std::mt19937_64 random(20241125);
  std::vector<std::string> payloads = sample_texts();
  for (int i = 0; i < 2000; ++i) payloads.push_back(random_text(random, 60));
  std::size_t plain = 0;
  for (const std::string& payload : payloads) {
    std::string text = R"({"type":"normal","to":"b","id":"m","payload":)";
    append_json_string(text, payload);
    text.append("}");
    const auto scanned = scan_normal(text);
    const bool has_escape = text.find('\\') != std::string::npos;
    EXPECT_EQ(scanned.has_value(), !has_escape && !payload.empty()) << text.substr(0, 100);
    if (!scanned) continue;
    ++plain;
    EXPECT_EQ(scanned->payload, payload);
  }
  EXPECT_GT(plain, 10);
}

}  // namespace
}  // namespace simplechat::wire

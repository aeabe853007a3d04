#include "wire/json.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <limits>

#include "wire/json_reader.h"
#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// What a JSON parser reads out of `json`, which must be one string.
std::string parsed(const std::string& json) {
  JsonDocument document;
  const auto root = document.parse(json);
  EXPECT_TRUE(root) << json;
  std::string_view text;
  EXPECT_EQ(root->get(text), simdjson::SUCCESS) << json;
  return std::string(text);
}

TEST(AppendJsonString, EscapesOnlyWhatMustBeEscaped) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("a/b\x7fé😀"), "\"a/b\x7fé😀\"");
  EXPECT_EQ(json_string("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(json_string(std::string_view("\0\x1f", 2)), R"("\u0000\u001f")");
}

TEST(AppendJsonString, FindsEveryByteAtEveryPlace) {
  for (std::size_t length = 1; length <= 40; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      for (int byte = 0; byte < 0x80; ++byte) {
        std::string text(length, '!');  // beside '"', so that a borrow would show
        text[place] = static_cast<char>(byte);
        ASSERT_EQ(parsed(json_string(text)), text) << length << ' ' << place << ' ' << byte;
      }
    }
  }
}

TEST(AppendJsonString, RoundTripsSamples) {
  for (const std::string& text : sample_texts()) EXPECT_EQ(parsed(json_string(text)), text);
}

TEST(AppendJsonString, RoundTripsRandomText) {
  std::mt19937_64 random(20240601);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = random_text(random, 200);
    ASSERT_EQ(parsed(json_string(text)), text) << "round " << i;
  }
}

TEST(AppendJsonString, Appends) {
  std::string out = "{";
  append_json_string(out, "a");
  EXPECT_EQ(out, "{\"a\"");
}

TEST(AppendJsonInteger, WritesTheWholeRange) {
  std::string out = "[";
  append_json_integer(out, 0);
  out.append(",");
  append_json_integer(out, std::numeric_limits<std::int64_t>::min());
  out.append(",");
  append_json_integer(out, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(out, "[0,-9223372036854775808,9223372036854775807");
}

}  // namespace
}  // namespace simplechat::wire

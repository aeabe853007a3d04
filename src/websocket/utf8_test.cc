#include "websocket/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace simplechat::websocket {
namespace {

std::string encode(std::uint32_t point) {
  const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 0x3f))};
  if (point < 0x10000) return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 0x3f)), byte(0x80 | (point & 0x3f))};
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 0x3f)), byte(0x80 | (point >> 6 & 0x3f)),
          byte(0x80 | (point & 0x3f))};
}

// Whether some valid character starts with `begun`, reckoned from the code points it can still become.
bool can_begin_character(std::string_view begun) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(begun[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return begun.size() == 1;
  struct Form {
    std::size_t size;
    std::uint32_t lead_bits, least, most;
  };
  Form form{};
  if ((lead & 0xe0) == 0xc0)
    form = {2, lead & 0x1fU, 0x80, 0x7ff};
  else if ((lead & 0xf0) == 0xe0)
    form = {3, lead & 0x0fU, 0x800, 0xffff};
  else if ((lead & 0xf8) == 0xf0)
    form = {4, lead & 0x07U, 0x10000, 0x10ffff};
  else
    return false;
  std::uint32_t low = form.lead_bits;
  std::uint32_t high = form.lead_bits;
  for (std::size_t i = 1; i < form.size; ++i) {
    if (i < begun.size() && (byte(i) & 0xc0) != 0x80) return false;
    low = low << 6 | (i < begun.size() ? byte(i) & 0x3fU : 0U);
    high = high << 6 | (i < begun.size() ? byte(i) & 0x3fU : 0x3fU);
  }
  const bool only_surrogates = low >= 0xd800 && high <= 0xdfff;
  return low <= form.most && high >= form.least && !only_surrogates;
}

TEST(Utf8Validator, AcceptsEveryCodePointInOnePieceAndByteByByte) {
  for (std::uint32_t point = 0; point <= 0x10ffff; ++point) {
    if (point == 0xd800) point = 0xe000;
    const std::string text = encode(point);
    ASSERT_TRUE(is_utf8(text)) << point;
    Utf8Validator validator;
    for (std::size_t i = 0; i < text.size(); ++i) {
      ASSERT_TRUE(validator.feed(std::string_view(text).substr(i, 1))) << point;
      ASSERT_EQ(validator.complete(), i + 1 == text.size()) << point;
    }
  }
}

// Walks every beginning of a character, and asks for every next byte.
TEST(Utf8Validator, FailsAtTheFirstByteThatNothingValidCanHave) {
  std::vector<std::string> begun{""};
  std::size_t checked = 0;
  while (!begun.empty()) {
    const std::string start = begun.back();
    begun.pop_back();
    for (unsigned byte = 0; byte < 256; ++byte) {
      const std::string text = start + static_cast<char>(byte);
      Utf8Validator validator;
      const bool viable = can_begin_character(text);
      ASSERT_EQ(validator.feed(text), viable) << testing::PrintToString(text);
      ++checked;
      if (viable && !validator.complete()) begun.push_back(text);
    }
  }
  EXPECT_GT(checked, 4'000'000U);
}

TEST(Utf8Validator, FindsABadByteAtEveryPlaceOfALongText) {
  const std::string text = "0123456789abcdef0123456789abcdef";
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string broken = text;
    broken[at] = '\xff';
    EXPECT_FALSE(is_utf8(broken)) << at;
    std::string umlaut = text;
    umlaut.replace(at, 1, "ä");
    EXPECT_TRUE(is_utf8(umlaut)) << at;
  }
}

TEST(Utf8Validator, TextCutInsideACharacterIsNotUtf8) {
  EXPECT_FALSE(is_utf8("\xe2\x82"));
  EXPECT_FALSE(is_utf8("plain text, 8 and more \xf0\x9f\x98"));
  EXPECT_TRUE(is_utf8(""));
}

TEST(Utf8Prefix, EndsAtACharactersEnd) {
  EXPECT_EQ(utf8_prefix("abc", 3), "abc");
  EXPECT_EQ(utf8_prefix("abcd", 3), "abc");
  EXPECT_EQ(utf8_prefix("abä", 3), "ab");
  EXPECT_EQ(utf8_prefix("ab\xf0\x9f\x98\x80", 5), "ab");
  EXPECT_EQ(utf8_prefix("ab\xf0\x9f\x98\x80", 6), "ab\xf0\x9f\x98\x80");
  EXPECT_EQ(utf8_prefix("ä", 1), "");
}

}  // namespace
}  // namespace simplechat::websocket

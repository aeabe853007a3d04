// safe_text, transcript, screen.
#include <gtest/gtest.h>

#include <algorithm>

#include "chat_client/safe_text.h"
#include "chat_client/screen.h"
#include "chat_client/transcript.h"
#include "wire/sample_text.h"

namespace simplechat::chat_client {
namespace {

bool has_control(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (!character.is_valid || character.code < 0x20 || (character.code >= 0x7f && character.code < 0xa0)) return true;
    text.remove_prefix(character.bytes);
  }
  return false;
}

TEST(SafeText, EscapesWhatATerminalActsUpon) {
  EXPECT_EQ(safe_line("\x1b[2J\x1b]0;title\x07"), "\\x1b[2J\\x1b]0;title\\x07");
  EXPECT_EQ(safe_line("\xc2\x9b"
                      "31m\x7f\r\b"),
            "\\x9b31m\\x7f\\x0d\\x08");
  EXPECT_EQ(safe_line(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(safe_line("a\nb\tc"), "a\\nb    c");
  EXPECT_EQ(safe_line("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(safe_line("abc \xe2\x80\xae cba"), "abc \\u{202e} cba");
  EXPECT_EQ(safe_line("né 漢字 👨‍👩‍👧"), "né 漢字 👨‍👩‍👧");
}

TEST(SafeText, LeavesNoControlInAnyText) {
  for (const std::string& text : wire::sample_texts()) EXPECT_FALSE(has_control(safe_line(text)));
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_FALSE(has_control(safe_line(all)));
  for (char32_t code = 1; code < 0x3000; ++code) {
    std::string text;
    append_utf8(text, code);
    EXPECT_FALSE(has_control(safe_line(text))) << static_cast<unsigned>(code);
  }
}

TEST(SafeText, KnowsWidths) {
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("漢字"), 4U);
  EXPECT_EQ(columns_of("e\xcc\x81"), 1U);  // with a combining acute accent
  EXPECT_EQ(columns_of("😀"), 2U);
  EXPECT_EQ(fit("abcdef", 4), "abc…");
  EXPECT_EQ(fit("漢字漢字", 4), "漢…");
  EXPECT_EQ(fit("abcd", 4), "abcd");
  EXPECT_EQ(fit("abcd", 0), "");
}

std::tm utc(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return parts;
}

chat::Message at_minute(int minute, std::string payload) {
  return {.id = "1", .from = "bob", .to = "alice", .payload = std::move(payload), .at = minute * 60'000'000LL};
}

TEST(Transcript, HasTimeSenderAndText) {
  Transcript transcript(utc, false);
  EXPECT_EQ(transcript.lines(at_minute(62, "hi"), false), "-- 1970-01-01 --\n01:02 bob: hi\n");
  EXPECT_EQ(transcript.lines(at_minute(63, "hi"), true), "01:03 bob → alice: hi\n");
  EXPECT_EQ(transcript.lines(at_minute(24 * 60, "hi"), false), "-- 1970-01-02 --\n00:00 bob: hi\n");
}

TEST(Transcript, NoLineOfATextCanPassForAMessage) {
  Transcript transcript(utc, false);
  static_cast<void>(transcript.lines(at_minute(1, "x"), false));
  EXPECT_EQ(transcript.lines(at_minute(2, "a\n00:03 carol: b\r\nc\rd"), false),
            "00:02 bob: a\n      ┆ 00:03 carol: b\n      ┆ c\\x0dd\n");
}

TEST(Transcript, EscapesInNotes) { EXPECT_EQ(Transcript(utc, false).note("a\x1b[0m\nb"), "* a\\x1b[0m\\nb\n"); }

TEST(Screen, DrawsNothingIfNothingHasChanged) {
  Screen screen;
  const Footing footing{.rows = {"status"}, .prompt = "bob> ", .before = "ab", .after = "c"};
  EXPECT_EQ(screen.draw("", footing, 40),
            "\x1b[?7l\x1b[2mstatus\x1b[0m\nbob> ab\x1b"
            "7c\x1b"
            "8\x1b[?7h");
  EXPECT_EQ(screen.draw("", footing, 40), "");
  screen.forget();
  EXPECT_NE(screen.draw("", footing, 40), "");
}

TEST(Screen, TakesTheFootingOffBeforeItPrints) {
  Screen screen;
  const Footing footing{.rows = {"one", "two"}, .prompt = "> ", .before = "", .after = ""};
  static_cast<void>(screen.draw("", footing, 40));
  const std::string drawn = screen.draw("message\n", footing, 40);
  EXPECT_TRUE(drawn.starts_with("\r\x1b[2A\x1b[Jmessage\n\x1b[?7l")) << drawn;
  EXPECT_EQ(screen.erase(), "\r\x1b[2A\x1b[J");
  EXPECT_EQ(screen.erase(), "");
}

TEST(Screen, CutsRowsToTheWidth) {
  Screen screen;
  const std::string drawn =
      screen.draw("", {.rows = {std::string(50, 'x')}, .prompt = {}, .before = {}, .after = {}}, 10);
  EXPECT_TRUE(drawn.contains("xxxxxxxxx…")) << drawn;
  EXPECT_FALSE(drawn.contains("xxxxxxxxxx")) << drawn;
}

}  // namespace
}  // namespace simplechat::chat_client

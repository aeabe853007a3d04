#include "runtime/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

namespace simplechat::runtime::log {
namespace {

using ::testing::HasSubstr;

const std::chrono::system_clock::time_point kAt{std::chrono::milliseconds(1'795'464'000'123)};

std::string console(Fields fields, std::string_view event = "event") {
  return render(Format::console, "test", kAt, Level::info, event, fields);
}
std::string json(Fields fields) { return render(Format::json, "test", kAt, Level::warn, "event", fields); }

TEST(Log, ConsoleLineHasTimeLevelEventAndFields) {
  EXPECT_EQ(console({{"user", "alice"}, {"count", 3}, {"share", 0.5}, {"again", true}}),
            "2026-11-23T20:00:00.123Z info  event user=alice count=3 share=0.5 again=true");
}

TEST(Log, ConsoleQuotesOnlyWhereNeeded) {
  EXPECT_THAT(console({{"k", "two words"}}), HasSubstr(R"(k="two words")"));
  EXPECT_THAT(console({{"k", ""}}), HasSubstr(R"(k="")"));
  EXPECT_THAT(console({{"k", R"(a"b\c)"}}), HasSubstr(R"(k="a\"b\\c")"));
  EXPECT_THAT(console({{"k", "a=b"}}), HasSubstr(R"(k="a=b")"));
  EXPECT_THAT(console({{"k", "grün"}}), HasSubstr("k=\"grün\""));
}

TEST(Log, NoValueForgesAConsoleLine) {
  EXPECT_THAT(console({{"k", "x\n2026 info forged"}}), HasSubstr(R"(k="x\n2026 info forged")"));
  EXPECT_THAT(console({{"k", "\r\x1b[2J\x7f"}}), HasSubstr(R"(k="\x0d\x1b[2J\x7f")"));
  EXPECT_THAT(console({{"k", "\xc2\x9b"}}), HasSubstr(R"(k="\xc2\x9b")"));  // U+009B begins a terminal command
  EXPECT_THAT(console({{"k", "\xff"}}), HasSubstr(R"(k="\xff")"));
  EXPECT_EQ(console({{"a\nb", 1}}, "e\nf").find('\n'), std::string::npos);
}

TEST(Log, JsonLineIsOneObject) {
  EXPECT_EQ(json({{"user", "alice"}, {"count", -3}, {"share", 0.5}, {"again", false}}),
            R"({"time":"2026-11-23T20:00:00.123Z","level":"warn","service":"test","event":"event",)"
            R"("user":"alice","count":-3,"share":0.5,"again":false})");
}

TEST(Log, JsonEscapesValues) {
  EXPECT_THAT(json({{"k", "a\"b\\c\nd\x01"}}), HasSubstr(R"("k":"a\"b\\c\nd\u0001")"));
  EXPECT_THAT(json({{"k", std::string_view("\0", 1)}}), HasSubstr(R"("k":"\u0000")"));
  EXPECT_THAT(json({{"k", "grün \xf0\x9f\x98\x80"}}), HasSubstr("\"k\":\"grün \xf0\x9f\x98\x80\""));
}

TEST(Log, JsonReplacesWhatIsNotUtf8) {
  EXPECT_THAT(json({{"k", "a\xff"}}), HasSubstr(R"("k":"a\ufffd")"));
  EXPECT_THAT(json({{"k", "\xc0\xaf"}}), HasSubstr(R"("k":"\ufffd\ufffd")"));            // overlong
  EXPECT_THAT(json({{"k", "\xed\xa0\x80"}}), HasSubstr(R"("k":"\ufffd\ufffd\ufffd")"));  // surrogate
  EXPECT_THAT(json({{"k", "\xe2\x82"}}), HasSubstr(R"("k":"\ufffd\ufffd")"));            // cut off
}

TEST(Log, JsonHasNoInfinity) {
  EXPECT_THAT(json({{"k", std::numeric_limits<double>::infinity()}}), HasSubstr(R"("k":null)"));
  EXPECT_THAT(json({{"k", std::nan("")}}), HasSubstr(R"("k":null)"));
}

TEST(Log, WritesWholeLinesToStderrFromAllThreads) {
  constexpr int kThreads = 4;
  constexpr int kLines = 100;
  testing::internal::CaptureStderr();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < kLines; ++i) info("line", {{"end", "here"}});
      });
    }
  }
  debug("below_the_level");
  const std::string output = testing::internal::GetCapturedStderr();
  int lines = 0;
  for (std::size_t begin = 0; begin < output.size(); ++lines) {
    const std::size_t end = output.find('\n', begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_TRUE(output.substr(begin, end - begin).ends_with("Z info  line end=here"));
    begin = end + 1;
  }
  EXPECT_EQ(lines, kThreads * kLines);
}

TEST(Log, ConfigureChoosesFormatAndLevel) {
  configure(Format::json, Level::warn, "svc");
  testing::internal::CaptureStderr();
  info("dropped");
  warn("kept");
  const std::string output = testing::internal::GetCapturedStderr();
  configure(Format::console, Level::info, "");
  EXPECT_THAT(output, testing::Not(HasSubstr("dropped")));
  EXPECT_THAT(output, HasSubstr(R"("service":"svc","event":"kept"})"
                                "\n"));
}

}  // namespace
}  // namespace simplechat::runtime::log

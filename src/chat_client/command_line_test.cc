// command_line, server_url.
#include "chat_client/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace simplechat::chat_client {
namespace {

class CommandLine : public ::testing::Test {
 protected:
  std::expected<Settings, Stop> parse(std::vector<std::string> arguments) {
    return parse_command_line(
        arguments, {.environment = [this](const char* name) -> const char* {
                      return std::string_view(name) == "SIMPLECHAT_TOKEN" && !token_.empty() ? token_.c_str() : nullptr;
                    },
                    .read_file = [this](const std::string& path) -> std::expected<std::string, std::string> {
                      if (path == "token") return file_;
                      if (path == "empty") return "\n";
                      return std::unexpected("is not there");
                    }});
  }
  Settings good(std::vector<std::string> arguments) {
    auto settings = parse(std::move(arguments));
    if (!settings) ADD_FAILURE() << settings.error().text;
    return settings.value_or(Settings{});
  }
  void expect_usage(std::vector<std::string> arguments, std::string_view part) {
    const auto settings = parse(std::move(arguments));
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().exit_code, 2);
    EXPECT_TRUE(settings.error().text.contains(part)) << settings.error().text;
    EXPECT_EQ(std::ranges::count(settings.error().text, '\n'), 1) << settings.error().text;
  }

  std::string token_;
  std::string file_ = "from-file\n";
};

TEST_F(CommandLine, ReadsAll) {
  const Settings settings =
      good({"--url", "ws://a:1", "--url", "wss://b/x", "--me", "alice", "--to", "bob", "--send", "one", "--send", "-v",
            "--send", "-", "--timeout", "1.5", "--history", "7", "--json"});
  ASSERT_EQ(settings.urls.size(), 2U);
  EXPECT_EQ(settings.urls[1].authority(), "b:443");
  EXPECT_EQ(settings.texts, (std::vector<std::string>{"one", "-v"}));
  EXPECT_TRUE(settings.sends_stdin);
  EXPECT_TRUE(settings.json);
  EXPECT_FALSE(settings.follows);
  EXPECT_EQ(settings.timeout, Milliseconds(1'500));
  EXPECT_EQ(settings.history, 7U);
}

TEST_F(CommandLine, HasDefaults) {
  const Settings settings = good({"--me", "alice"});
  EXPECT_EQ(settings.urls.at(0).authority(), "127.0.0.1:8082");
  EXPECT_EQ(settings.timeout, Milliseconds(30'000));
  EXPECT_FALSE(settings.history);
  EXPECT_EQ(settings.token(), "");
}

TEST_F(CommandLine, FindsTheToken) {
  token_ = "from-environment";
  EXPECT_EQ(good({"--me", "a"}).token(), "from-environment");
  EXPECT_EQ(good({"--me", "a", "--token-file", "token"}).token(), "from-file");
  EXPECT_EQ(good({"--me", "a", "--token", "given"}).token(), "given");
  expect_usage({"--me", "a", "--token", "x", "--token-file", "token"}, "exclude each other");
  expect_usage({"--me", "a", "--token-file", "none"}, "is not there");
  expect_usage({"--me", "a", "--token-file", "empty"}, "is empty");
}

TEST_F(CommandLine, ReadsATokensFileEachTimeItIsAskedFor) {
  const TokenSource source = good({"--me", "a", "--token-file", "token"}).token;
  file_ = "later\r\n";
  EXPECT_EQ(source(), "later");
  file_ = "\n";
  EXPECT_EQ(source().error(), "--token-file token: is empty");
}

TEST_F(CommandLine, NamesWhatIsWrong) {
  expect_usage({}, "--me");
  expect_usage({"--me", "a b"}, "--me must be");
  expect_usage({"--me", "a", "--to", "b b"}, "--to must be");
  expect_usage({"--me", "a", "--url", "http://x"}, "http://x");
  expect_usage({"--me", "a", "--send", ""}, "must not be empty");
  expect_usage({"--me", "a", "--send", "\xff"}, "UTF-8");
  expect_usage({"--me", "a", "--send", std::string(65'537, 'x')}, "65537 bytes");
  expect_usage({"--me", "a", "--timeout", "-1"}, "--timeout");
  expect_usage({"--me", "a", "--timeout", "nan"}, "--timeout");
  expect_usage({"--me", "a", "--history", "10001"}, "history");
  expect_usage({"--me", "a", "--bogus"}, "--bogus");
}

TEST_F(CommandLine, HelpListsTheExitCodes) {
  const auto help = parse({"--help"});
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().exit_code, 0);
  EXPECT_TRUE(help.error().text.contains("Exit codes:"));
}

class PlanTest : public ::testing::Test {
 protected:
  static Plan plan(const Settings& settings, bool in, bool out) {
    const auto made = make_plan(settings, in, out);
    if (!made) ADD_FAILURE() << made.error().text;
    return made.value_or(Plan{});
  }
};

TEST_F(PlanTest, APersonNeedsBothEndsToBeATerminal) {
  EXPECT_TRUE(plan({.me = "a", .to = "b"}, true, true).interactive);
  EXPECT_EQ(plan({.me = "a", .to = "b"}, true, true).history, 20U);
  EXPECT_EQ(plan({.me = "a"}, true, true).history, 0U);
  EXPECT_FALSE(plan({.me = "a", .to = "b"}, false, true).interactive);
  EXPECT_FALSE(plan({.me = "a", .to = "b", .texts = {"x"}}, true, true).interactive);
  EXPECT_FALSE(plan({.me = "a", .to = "b", .follows = true}, true, true).interactive);
}

TEST_F(PlanTest, StdinIsReadIfItIsNoTerminalAndNothingElseIsSent) {
  EXPECT_TRUE(plan({.me = "a", .to = "b"}, false, false).reads_stdin);
  EXPECT_FALSE(plan({.me = "a", .to = "b", .texts = {"x"}}, false, false).reads_stdin);
  EXPECT_TRUE(plan({.me = "a", .to = "b", .sends_stdin = true}, true, true).reads_stdin);
  EXPECT_TRUE(plan({.me = "a", .follows = true}, false, false).reads_stdin);
}

TEST_F(PlanTest, PrintsJsonWhereNobodyLooks) {
  EXPECT_TRUE(plan({.me = "a", .follows = true}, true, false).prints_json);
  EXPECT_FALSE(plan({.me = "a", .follows = true}, true, true).prints_json);
  EXPECT_TRUE(plan({.me = "a", .follows = true, .json = true}, true, true).prints_json);
  EXPECT_EQ(plan({.me = "a", .to = "b", .follows = true}, true, false).history, 0U);
}

TEST_F(PlanTest, RefusesWhatCannotBeDone) {
  EXPECT_FALSE(make_plan({.me = "a", .texts = {"x"}}, true, true));
  EXPECT_FALSE(make_plan({.me = "a"}, false, false));
  EXPECT_FALSE(make_plan({.me = "a", .to = "b"}, true, false));  // nothing to do
  EXPECT_FALSE(make_plan({.me = "a", .follows = true, .history = 5}, true, false));
  EXPECT_TRUE(make_plan({.me = "a", .json = true}, false, false));
}

TEST(ServerUrl, ReadsItsParts) {
  const auto url = parse_server_url("ws://[::1]:8082/ws?x=1");
  ASSERT_TRUE(url);
  EXPECT_FALSE(url->is_secure);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->authority(), "[::1]:8082");
  EXPECT_EQ(url->target, "/ws?x=1");
  EXPECT_EQ(parse_server_url("ws://chat.example")->port, "80");
  EXPECT_EQ(parse_server_url("ws://chat.example")->target, "/");
  EXPECT_EQ(parse_server_url("wss://chat.example?x")->target, "/?x");
}

TEST(ServerUrl, RefusesTheRest) {
  for (const std::string_view text :
       {"", "ws://", "ws:///x", "http://a", "ws://a:0", "ws://a:65536", "ws://a:b", "ws://a b", "ws://u:p@a",
        "ws://a/#x", "ws://a/\r\nX: y", "ws://[::1", "ws://[x]", "ws://a:"}) {
    EXPECT_FALSE(parse_server_url(text)) << text;
  }
}

}  // namespace
}  // namespace simplechat::chat_client

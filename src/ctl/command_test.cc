#include "ctl/command.h"

#include <gmock/gmock.h>

namespace simplechat::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::expected<Command, Stop> parse(std::vector<std::string> arguments, const char* variable = "the-variables-token") {
  return parse_command(arguments, {.environment = [variable](const char*) { return variable; },
                                   .read_file = [](const std::string& path) -> std::expected<std::string, std::string> {
                                     if (path == "missing") return std::unexpected("cannot be read");
                                     return path == "empty" ? "\n" : "the-files-token\n";
                                   }});
}

// Method, target and body of the one request.
std::string request_of(std::vector<std::string> arguments) {
  const auto command = parse(std::move(arguments));
  if (!command) return command.error().text;
  EXPECT_EQ(command->requests.size(), 1U);
  const Request& request = command->requests.front();
  return request.method + " " + request.target + (request.body.empty() ? "" : " " + request.body);
}

TEST(Command, MakesTheRequest) {
  EXPECT_EQ(request_of({"users"}), "GET /v1/admin/users");
  EXPECT_EQ(request_of({"sessions"}), "GET /v1/admin/sessions");
  EXPECT_EQ(request_of({"sessions", "--limit", "7", "--after", "0.5"}), "GET /v1/admin/sessions?limit=7&after=0.5");
  EXPECT_EQ(request_of({"sessions", "a@b"}), "GET /v1/admin/sessions/a%40b");
  EXPECT_EQ(request_of({"disconnect", "alice"}), R"(POST /v1/admin/disconnect {"user":"alice"})");
  EXPECT_EQ(request_of({"disconnect", "alice", "--session", "s-1"}),
            R"(POST /v1/admin/disconnect {"user":"alice","session":"s-1"})");
  EXPECT_EQ(request_of({"blocks", "alice"}), "GET /v1/admin/blocks/alice");
  EXPECT_EQ(request_of({"block", "alice", "b@c"}), "PUT /v1/admin/blocks/alice/b%40c");
  EXPECT_EQ(request_of({"unblock", "alice", "bob"}), "DELETE /v1/admin/blocks/alice/bob");
  EXPECT_EQ(request_of({"revoke", "alice"}), R"(POST /v1/admin/revocations {"user":"alice"})");
  EXPECT_EQ(request_of({"revoke", "alice", "--issued-until", "17", "--until", "99"}),
            R"(POST /v1/admin/revocations {"user":"alice","issuedUntil":17,"until":99})");
  EXPECT_EQ(request_of({"revoke", "--jti", "t-1", "--until", "99"}),
            R"(POST /v1/admin/revocations {"jti":"t-1","until":99})");
  EXPECT_EQ(request_of({"drain"}), R"(POST /v1/admin/drain {"seconds":30})");
  EXPECT_EQ(request_of({"drain", "--seconds", "0"}), R"(POST /v1/admin/drain {"seconds":0})");
  EXPECT_EQ(request_of({"drain", "--cancel"}), "DELETE /v1/admin/drain");
  EXPECT_EQ(request_of({"log-level"}), "GET /v1/admin/log-level");
  EXPECT_EQ(request_of({"log-level", "debug"}), R"(PUT /v1/admin/log-level {"level":"debug"})");
  EXPECT_EQ(request_of({"dead-letters", "list", "--limit", "5"}), "GET /v1/admin/dead-letters?limit=5");
  EXPECT_EQ(request_of({"dead-letters", "show", "ab12"}), "GET /v1/admin/dead-letters/ab12");
  EXPECT_EQ(request_of({"dead-letters", "replay", "ab", "cd"}),
            R"(POST /v1/admin/dead-letters/replay {"ids":["ab","cd"]})");
  EXPECT_EQ(request_of({"dead-letters", "replay", "--all"}), R"(POST /v1/admin/dead-letters/replay {"all":true})");
}

TEST(Command, WhatIsNotACommandIsUsage) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"unknown"},
                                             {"disconnect"},
                                             {"blocks"},
                                             {"blocks", "alice", "bob"},
                                             {"block", "alice"},
                                             {"unblock", "alice"},
                                             {"revoke"},
                                             {"revoke", "alice", "--jti", "t"},
                                             {"revoke", "alice", "--until", "tomorrow"},
                                             {"log-level", "loud"},
                                             {"drain", "--seconds", "-1"},
                                             {"dead-letters"},
                                             {"dead-letters", "show"},
                                             {"dead-letters", "replay"},
                                             {"dead-letters", "replay", "ab", "--all"},
                                             {"sessions", "--limit", "0"},
                                             {"--url", "ftp://x", "users"},
                                             {"--cert-file", "cert.pem", "users"},
                                             {"--token-file", "missing", "users"},
                                             {"--token-file", "empty", "users"}}) {
    const auto command = parse(arguments);
    ASSERT_FALSE(command);
    EXPECT_EQ(command.error().exit_code, kUsage) << command.error().text;
    EXPECT_THAT(command.error().text, HasSubstr("simplechat ctl: "));
  }
  EXPECT_FALSE(parse({"users"}, nullptr));
}

TEST(Command, UrlsAndToken) {
  EXPECT_THAT(parse({"users"})->urls, ElementsAre("http://127.0.0.1:3002"));
  const auto command = parse({"--url", "http://a:1", "--url", "http://b:2", "--token-file", "file", "--json", "users"});
  ASSERT_TRUE(command) << command.error().text;
  EXPECT_THAT(command->urls, ElementsAre("http://a:1", "http://b:2"));
  EXPECT_EQ(command->token, "the-files-token");
  EXPECT_TRUE(command->json);
  EXPECT_EQ(parse({"--url", "https://a:1", "--ca-file", "ca.pem", "users"})->trust.authorities, "ca.pem");
  EXPECT_EQ(parse({"users"})->token, "the-variables-token");
  EXPECT_EQ(parse({"--help"}).error().exit_code, kDone);
}

}  // namespace
}  // namespace simplechat::ctl

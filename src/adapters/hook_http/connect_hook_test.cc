#include "adapters/hook_http/connect_hook.h"

#include <gtest/gtest.h>

#include "adapters/hook_http/application_test.h"
#include "runtime/loopback_peer.h"

namespace simplechat::adapters::hook_http {
namespace {

using namespace std::chrono_literals;

class ConnectHookTest : public ::testing::Test {
 protected:
  chat::Result<std::string> ask(const HookOptions& options) {
    return application_.ask<HttpConnectHook>(
        options, chat::ConnectRequest{.user = "alice", .token = "t0ken", .remote_address = "10.0.0.7"});
  }
  chat::Result<std::string> ask(bool fail_open = false) {
    HookOptions options = application_.options();
    options.fail_open = fail_open;
    return ask(options);
  }

  testing::Application application_;
};

TEST_F(ConnectHookTest, AsksAndLetsIn) {
  EXPECT_EQ(ask(), "alice");
  EXPECT_EQ(application_.asked.body, R"({"user":"alice","token":"t0ken","remoteAddress":"10.0.0.7"})");
  application_.answer.body = R"({"allow":true,"user":"alice-7"})";
  EXPECT_EQ(ask(), "alice-7");
}

TEST_F(ConnectHookTest, ShowsTheSecretOnlyWhereItShall) {
  HookOptions options = application_.options();
  EXPECT_TRUE(ask(options));
  EXPECT_EQ(application_.asked.authorization, "");
  options.secret = "s3cret";
  EXPECT_TRUE(ask(options));
  EXPECT_EQ(application_.asked.authorization, "") << "who reads the secret can sign";
  options.proof = HookProof::bearer;
  EXPECT_TRUE(ask(options));
  EXPECT_EQ(application_.asked.authorization, "Bearer s3cret");
}

TEST_F(ConnectHookTest, Denies) {
  application_.answer.body = R"({"allow":false,"reason":"not paid"})";
  for (const bool fail_open : {false, true}) {
    const auto denied = ask(fail_open);
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().code, chat::ErrorCode::unauthorized);
    EXPECT_EQ(denied.error().message, "not paid");
  }
  std::string long_reason(HookClient::kReasonBytesMax - 1, 'x');
  application_.answer.body = R"({"allow":false,"reason":")" + long_reason + "\xc3\xa9" + R"("})";
  EXPECT_EQ(ask().error().message, long_reason);
}

TEST_F(ConnectHookTest, WithoutAnAnswerNobodyIsLetInUnlessTheOptionSaysSo) {
  for (const runtime::HttpResponse& none :
       {runtime::HttpResponse{.status = 500, .body = R"({"allow":true})"},
        {.status = 201, .body = R"({"allow":true})"},
        {.body = ""},
        {.body = "{}"},
        {.body = R"({"allow":"yes"})"},
        {.body = R"({"allow":true,"user":"#"})"},
        {.body = std::string(HttpConnectHook::kAnswerBytesMax + 1, ' ') + R"({"allow":true})"}}) {
    application_.answer = none;
    const auto closed = ask();
    ASSERT_FALSE(closed) << none.body.substr(0, 100);
    EXPECT_EQ(closed.error().code, chat::ErrorCode::unavailable);
    EXPECT_EQ(ask(true), "alice");
  }
  EXPECT_FALSE(ask(application_.options("/elsewhere")));
}

TEST_F(ConnectHookTest, WaitsNoLongerThanItsDeadline) {
  const runtime::LoopbackListener silent;
  const auto none = ask({.url = "http://127.0.0.1:" + std::to_string(silent.port()), .deadline = 50ms});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, chat::ErrorCode::unavailable);
}

TEST(HookUrl, IsChecked) {
  EXPECT_EQ(check_hook_url("http://host:80/a?b=c"), std::nullopt);
  EXPECT_EQ(check_hook_url("http://host"), std::nullopt);
  for (const std::string_view url : {"", "host/path", "ftp://host/", "http://host/a b", "http://u@host/"}) {
    EXPECT_NE(check_hook_url(url), std::nullopt) << url;
  }
}

}  // namespace
}  // namespace simplechat::adapters::hook_http

#include "adapters/hook_http/send_hook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "adapters/hook_http/application_test.h"
#include "adapters/hook_http/signature.h"
#include "runtime/loopback_peer.h"

namespace simplechat::adapters::hook_http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class SendHookTest : public ::testing::Test {
 protected:
  chat::Result<std::string> ask(const HookOptions& options) {
    return application_.ask<HttpSendHook>(
        options, chat::Message{.id = "7", .from = "alice", .to = "bob", .payload = "hi", .at = 0});
  }
  chat::Result<std::string> ask(bool fail_open = false) {
    HookOptions options = application_.options();
    options.fail_open = fail_open;
    return ask(options);
  }
  [[nodiscard]] std::string metrics() { return application_.metrics.scrape(); }

  testing::Application application_;
};

TEST_F(SendHookTest, LetsTheMessageGoOnAsItIsOrWithAnotherText) {
  EXPECT_EQ(ask(), "hi");
  EXPECT_EQ(application_.asked.body, R"({"from":"alice","to":"bob","id":"7","payload":"hi"})");
  EXPECT_EQ(application_.asked.content_type, "application/json");
  application_.answer.body = R"({"allow":true,"payload":"h*"})";
  EXPECT_EQ(ask(), "h*");
  EXPECT_THAT(metrics(), HasSubstr("simplechat_send_hook_total{answer=\"allow\"} 2"));
  EXPECT_THAT(metrics(), HasSubstr("simplechat_send_hook_replaced_total 1"));
  EXPECT_THAT(metrics(), HasSubstr("simplechat_send_hook_seconds_count 2"));
}

TEST_F(SendHookTest, ReadsATextAsLongAsAMessagesMayBeHoweverItIsEscaped) {
  std::string escaped;
  for (std::size_t i = 0; i < chat::limits::kPayloadBytesMax; ++i) escaped += "\\u0001";
  application_.answer.body = R"({"allow":true,"payload":")" + escaped + R"("})";
  EXPECT_EQ(ask(), std::string(chat::limits::kPayloadBytesMax, '\1'));
}

TEST_F(SendHookTest, Denies) {
  for (const bool fail_open : {false, true}) {
    application_.answer.body = R"({"allow":false,"reason":"no links, please"})";
    const auto denied = ask(fail_open);
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().code, chat::ErrorCode::forbidden);
    EXPECT_EQ(denied.error().message, "no links, please");
    application_.answer.body = R"({"allow":false})";
    EXPECT_NE(ask(fail_open).error().message, "");
  }
  EXPECT_THAT(metrics(), HasSubstr("simplechat_send_hook_total{answer=\"deny\"} 4"));
}

TEST_F(SendHookTest, WithoutAnAnswerNothingGoesOnUnlessTheOptionSaysSo) {
  for (const runtime::HttpResponse& none :
       {runtime::HttpResponse{.status = 503, .body = R"({"allow":true})"},
        {.body = "<html>"},
        {.body = R"({"allow":true,"payload":""})"},
        {.body = R"({"allow":true,"payload":")" + std::string(chat::limits::kPayloadBytesMax + 1, 'x') + R"("})"},
        {.body = std::string(HttpSendHook::kAnswerBytesMax + 1, ' ') + R"({"allow":true})"}}) {
    application_.answer = none;
    const auto closed = ask();
    ASSERT_FALSE(closed) << none.body.substr(0, 100);
    EXPECT_EQ(closed.error().code, chat::ErrorCode::unavailable);
    EXPECT_EQ(ask(true), "hi");
  }
  EXPECT_THAT(metrics(), HasSubstr("simplechat_send_hook_total{answer=\"none\"} 10"));
}

TEST_F(SendHookTest, WaitsNoLongerThanItsDeadline) {
  const runtime::LoopbackListener silent;
  const auto none = ask({.url = "http://127.0.0.1:" + std::to_string(silent.port()), .deadline = 50ms});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, chat::ErrorCode::unavailable);
}

// The server of this test knows no other headers: their names and values are those of signature_test.
TEST_F(SendHookTest, SignsItsRequests) {
  runtime::LoopbackListener listener;
  std::optional<runtime::LoopbackPeer::Message> request;
  std::jthread server([&] {
    runtime::LoopbackPeer peer = listener.accept();
    request = peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"allow\":true}");
  });
  HookOptions options = application_.options();
  options.url = "http://127.0.0.1:" + std::to_string(listener.port()) + "/hook";
  options.secret = "s3cret";
  EXPECT_EQ(ask(options), "hi");
  server.join();
  ASSERT_TRUE(request);
  for (const auto& [name, value] : signature_headers("s3cret", testing::Application::kNow / 1'000'000, request->body)) {
    EXPECT_THAT(request->header, HasSubstr(name + ": " + value));
  }
}

}  // namespace
}  // namespace simplechat::adapters::hook_http

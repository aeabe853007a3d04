#include "adapters/hook_http/connect_hook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/contract/run_to_end.h"
#include "runtime/http_server.h"
#include "runtime/loopback_peer.h"

namespace simplechat::adapters::hook_http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// The application, whose answer the test gives.
class ConnectHookTest : public testing::Test {
 protected:
  ConnectHookTest() {
    routes_.add("POST", "/in", [this](const runtime::HttpRequest& request, const std::vector<std::string>&) {
      asked_ = request;
      return [](runtime::HttpResponse answer) -> boost::asio::awaitable<runtime::HttpResponse> {
        co_return answer;
      }(answer_);
    });
    server_.start();
  }

  chat::Result<std::string> ask(bool fail_open = false, std::string path = "/in") {
    HttpConnectHook hook(reactor_.executor(),
                         {.url = "http://127.0.0.1:" + std::to_string(server_.port()) + path,
                          .secret = "s3cret",
                          .deadline = 20s,
                          .fail_open = fail_open},
                         metrics_);
    return contract::run_to_end(reactor_.io(),
                                hook.ask({.user = "alice", .token = "t0ken", .remote_address = "10.0.0.7"}));
  }

  runtime::Reactor reactor_{0};
  runtime::MetricsRegistry metrics_;
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor_, {}, routes_};
  runtime::HttpRequest asked_;
  runtime::HttpResponse answer_{.body = R"({"allow":true})"};
};

TEST_F(ConnectHookTest, AsksAndLetsIn) {
  EXPECT_EQ(ask(), "alice");
  EXPECT_EQ(asked_.body, R"({"user":"alice","token":"t0ken","remoteAddress":"10.0.0.7"})");
  EXPECT_EQ(asked_.authorization, "Bearer s3cret");
  answer_.body = R"({"allow":true,"user":"alice-7"})";
  EXPECT_EQ(ask(), "alice-7");
}

TEST_F(ConnectHookTest, Denies) {
  answer_.body = R"({"allow":false,"reason":"not paid"})";
  for (const bool fail_open : {false, true}) {
    const auto denied = ask(fail_open);
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().code, chat::ErrorCode::unauthorized);
    EXPECT_EQ(denied.error().message, "not paid");
  }
  std::string long_reason(HttpConnectHook::kReasonBytesMax - 1, 'x');
  answer_.body = R"({"allow":false,"reason":")" + long_reason + "\xc3\xa9" + R"("})";
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
    answer_ = none;
    const auto closed = ask();
    ASSERT_FALSE(closed) << none.body.substr(0, 100);
    EXPECT_EQ(closed.error().code, chat::ErrorCode::unavailable);
    EXPECT_EQ(ask(true), "alice");
  }
  EXPECT_FALSE(ask(false, "/elsewhere"));
}

TEST_F(ConnectHookTest, WaitsNoLongerThanItsDeadline) {
  const runtime::LoopbackListener silent;
  HttpConnectHook hook(reactor_.executor(),
                       {.url = "http://127.0.0.1:" + std::to_string(silent.port()), .deadline = 50ms}, metrics_);
  const auto none = contract::run_to_end(reactor_.io(), hook.ask({.user = "alice"}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, chat::ErrorCode::unavailable);
}

TEST(ConnectHook, ChecksItsUrl) {
  EXPECT_EQ(check_hook_url("http://host:80/a?b=c"), std::nullopt);
  EXPECT_EQ(check_hook_url("http://host"), std::nullopt);
  for (const std::string_view url : {"", "host/path", "ftp://host/", "http://host/a b", "http://u@host/"}) {
    EXPECT_NE(check_hook_url(url), std::nullopt) << url;
  }
}

}  // namespace
}  // namespace simplechat::adapters::hook_http

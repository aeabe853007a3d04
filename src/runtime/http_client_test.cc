#include "runtime/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "runtime/http_server.h"
#include "runtime/loopback_peer.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;
using Outcome = std::expected<HttpResponse, HttpFailure>;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok";

class HttpClientTest : public testing::Test {
 protected:
  // Runs `script`, which plays the server, on its own thread.
  void serve(std::function<void(LoopbackListener&)> script) {
    server_ = std::jthread([this, script = std::move(script)] { script(listener_); });
  }

  std::string origin() const { return "http://127.0.0.1:" + std::to_string(listener_.port()); }
  HttpClient client(HttpClient::Options options = {.deadline = 30s}) { return {io_.get_executor(), origin(), options}; }

  std::optional<Outcome>& start(HttpClient& client, HttpRequest request = {.method = "GET", .target = "/"}) {
    std::optional<Outcome>& outcome = outcomes_.emplace_back();
    boost::asio::co_spawn(io_, client.call(std::move(request)),
                          [&outcome](const std::exception_ptr& failure, Outcome ended) {
                            if (failure) std::rethrow_exception(failure);
                            outcome = std::move(ended);
                          });
    return outcome;
  }
  void run() {
    io_.restart();
    io_.run();
  }
  Outcome call(HttpClient& client, HttpRequest request = {.method = "GET", .target = "/"}) {
    const std::optional<Outcome>& outcome = start(client, std::move(request));
    run();
    return outcome.value();
  }

  LoopbackListener listener_;
  boost::asio::io_context io_;
  std::deque<std::optional<Outcome>> outcomes_;
  std::jthread server_;
};

TEST_F(HttpClientTest, SendsTheRequestAndReturnsTheAnswer) {
  std::optional<LoopbackPeer::Message> request;
  serve([&request](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    request = peer.read_request();
    peer.send("HTTP/1.1 201 Created\r\nContent-Type: a/b\r\nX-Further: yes\r\nContent-Length: 6\r\n\r\nanswer");
  });
  HttpClient one = client({.deadline = 30s, .bearer_token = "secret"});
  const Outcome outcome = call(one, {.method = "POST",
                                     .target = "/v1/x?y=z",
                                     .body = "question",
                                     .content_type = "application/json",
                                     .headers = {{"X-Own", "1"}}});
  server_.join();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->status, 201U);
  EXPECT_EQ(outcome->content_type, "a/b");
  EXPECT_EQ(outcome->body, "answer");
  EXPECT_EQ(outcome->headers, (std::vector<std::pair<std::string, std::string>>{{"X-Further", "yes"}}));
  ASSERT_TRUE(request);
  EXPECT_THAT(request->header, testing::StartsWith("POST /v1/x?y=z HTTP/1.1\r\n"));
  EXPECT_THAT(request->header, HasSubstr("Host: 127.0.0.1:" + std::to_string(listener_.port())));
  EXPECT_THAT(request->header, HasSubstr("Authorization: Bearer secret"));
  EXPECT_THAT(request->header, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(request->header, HasSubstr("X-Own: 1\r\n"));
  EXPECT_EQ(request->body, "question");
}

TEST_F(HttpClientTest, ARequestsOwnAuthorizationCounts) {
  std::optional<LoopbackPeer::Message> request;
  serve([&request](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    request = peer.read_request();
    peer.send(kOk);
  });
  HttpClient one = client({.deadline = 30s, .bearer_token = "cluster"});
  EXPECT_TRUE(call(one, {.method = "GET", .target = "/", .authorization = "Bearer user"}));
  server_.join();
  EXPECT_THAT(request->header, HasSubstr("Authorization: Bearer user"));
  EXPECT_THAT(request->header, Not(HasSubstr("cluster")));
}

TEST_F(HttpClientTest, UsesAConnectionAgain) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    for (int i = 0; i < 3; ++i) {
      peer.read_request();
      peer.send(kOk);
    }
  });
  HttpClient one = client();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call(one));
  EXPECT_FALSE(listener_.has_waiting());
}

TEST_F(HttpClientTest, DoesNotUseAConnectionAgainThatTheServerCloses) {
  serve([](LoopbackListener& listener) {
    for (int i = 0; i < 2; ++i) {
      LoopbackPeer peer = listener.accept();
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      EXPECT_TRUE(peer.read_closed());  // the client closes it too
    }
  });
  HttpClient one = client();
  EXPECT_TRUE(call(one));
  EXPECT_TRUE(call(one));
}

TEST_F(HttpClientTest, RepeatsOnANewConnectionIfTheServerClosedTheIdleOne) {
  std::atomic<bool> closed = false;
  serve([&closed](LoopbackListener& listener) {
    {
      LoopbackPeer peer = listener.accept();
      peer.read_request();
      peer.send(kOk);
    }
    closed = true;
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send(kOk);
  });
  HttpClient one = client();
  EXPECT_TRUE(call(one));
  while (!closed) std::this_thread::yield();
  const Outcome second = call(one);
  EXPECT_TRUE(second) << second.error().message;
}

TEST_F(HttpClientTest, RepeatsIfTheServerClosesWhileTheRequestIsOnItsWay) {
  serve([](LoopbackListener& listener) {
    {
      LoopbackPeer peer = listener.accept();
      peer.read_request();
      peer.send(kOk);
      peer.read_request();  // and close without an answer
    }
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send(kOk);
  });
  HttpClient one = client();
  EXPECT_TRUE(call(one));
  EXPECT_TRUE(call(one));
}

TEST_F(HttpClientTest, DoesNotRepeatOnAFreshConnection) {
  serve([](LoopbackListener& listener) { listener.accept().read_request(); });
  HttpClient one = client();
  const Outcome outcome = call(one);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("call 127.0.0.1:"));
  EXPECT_FALSE(listener_.has_waiting());
}

TEST_F(HttpClientTest, DoesNotRepeatOnceTheAnswerHasBegun) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send(kOk);
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  HttpClient one = client();
  EXPECT_TRUE(call(one));
  EXPECT_FALSE(call(one));
  EXPECT_FALSE(listener_.has_waiting());
}

TEST_F(HttpClientTest, SkipsInterimAnswers) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kOk);
  });
  HttpClient one = client();
  EXPECT_EQ(call(one)->body, "ok");
}

TEST_F(HttpClientTest, ReadsTheAnswerToHead) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    peer.read_request();
    peer.send(kOk);
  });
  HttpClient one = client();
  EXPECT_EQ(call(one, {.method = "HEAD", .target = "/"})->body, "");
  EXPECT_EQ(call(one)->body, "ok");
}

TEST_F(HttpClientTest, RefusesAnAnswerBeyondTheBound) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world");
    peer.read_closed();
  });
  HttpClient one = client({.deadline = 30s, .body_bytes_max = 10});
  EXPECT_FALSE(call(one));
}

TEST_F(HttpClientTest, EndsAtTheDeadlineIfNoAnswerComes) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    EXPECT_TRUE(peer.read_closed());  // by the client, at its deadline
  });
  HttpClient one = client({.deadline = 50ms});
  const Outcome outcome = call(one);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("not done within 50 ms"));
}

TEST_F(HttpClientTest, TheDeadlineCoversTheWaitForAConnection) {
  HttpClient one = client({.deadline = 50ms, .connections_max = 1});
  const std::optional<Outcome>& first = start(one);  // the listener's backlog takes the connection; nobody answers
  const std::optional<Outcome>& second = start(one);
  run();
  EXPECT_FALSE(*first);
  ASSERT_FALSE(*second);
  // The first one's end may just have handed it the connection.
  EXPECT_THAT(second->error().message, HasSubstr("not done within 50 ms"));
}

TEST_F(HttpClientTest, CallsBeyondTheBoundWaitTheirTurn) {
  constexpr int kCalls = 20;
  serve([](LoopbackListener& listener) {
    // Each connection on its own thread: which of two idle ones the client takes next is its choice.
    std::vector<std::jthread> peers;
    for (int i = 0; i < 2; ++i) {
      peers.emplace_back([peer = listener.accept()]() mutable {
        while (peer.read_request()) peer.send(kOk);
      });
    }
  });
  HttpClient one = client({.deadline = 30s, .connections_max = 2});
  for (int i = 0; i < kCalls; ++i) start(one);
  run();
  for (const auto& outcome : outcomes_) EXPECT_TRUE(*outcome) << outcome->error().message;
  EXPECT_FALSE(listener_.has_waiting());
}

TEST_F(HttpClientTest, CallsMayOutliveTheClient) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send(kOk);
  });
  auto one = std::make_unique<HttpClient>(io_.get_executor(), origin(), HttpClient::Options{.deadline = 30s});
  const std::optional<Outcome>& outcome = start(*one);
  io_.poll();
  one.reset();
  run();
  EXPECT_TRUE(*outcome);
}

TEST_F(HttpClientTest, NamesWhoRefused) {
  std::uint16_t port = 0;
  {
    const LoopbackListener closed;
    port = closed.port();
  }
  HttpClient one(io_.get_executor(), "http://127.0.0.1:" + std::to_string(port), {});
  const Outcome outcome = call(one);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "connect 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST_F(HttpClientTest, ResolvesNames) {
  serve([](LoopbackListener& listener) {
    LoopbackPeer peer = listener.accept();
    peer.read_request();
    peer.send(kOk);
  });
  HttpClient one(io_.get_executor(), "http://localhost:" + std::to_string(listener_.port()), {.deadline = 30s});
  const Outcome outcome = call(one);
  EXPECT_TRUE(outcome) << outcome.error().message;
}

TEST_F(HttpClientTest, ANameThatDoesNotResolveFailsTheCall) {
  HttpClient one(io_.get_executor(), "http://does-not-exist.invalid", {});
  const std::optional<Outcome>& first = start(one);
  const std::optional<Outcome>& second = start(one);  // waits for the same resolution
  run();
  EXPECT_THAT(first->error().message, HasSubstr("resolve does-not-exist.invalid"));
  EXPECT_THAT(second->error().message, HasSubstr("resolve does-not-exist.invalid"));
}

TEST_F(HttpClientTest, SpeaksWithOurServer) {
  HttpRoutes routes;
  routes.add("POST", "/echo", [](const HttpRequest& request, const auto&) -> boost::asio::awaitable<HttpResponse> {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return HttpResponse{.body = request.body};
  });
  ReactorPool reactors(1);
  HttpServer server(reactors[0], {}, routes);
  server.start();
  reactors.start();
  HttpClient one(io_.get_executor(), "http://127.0.0.1:" + std::to_string(server.port()), {.deadline = 30s});
  for (int i = 0; i < 200; ++i) {
    start(one, {.method = "POST", .target = "/echo", .body = std::string(static_cast<std::size_t>(i * 100), 'x')});
  }
  run();
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    ASSERT_TRUE(*outcomes_[i]) << (*outcomes_[i]).error().message;
    EXPECT_EQ((*outcomes_[i])->body.size(), i * 100);
  }
  reactors.stop();
}

TEST(CheckHttpOrigin, TakesOrigins) {
  for (const char* url :
       {"http://localhost", "http://127.0.0.1:3001", "http://a.b-c_d:65535/", "http://[::1]:80", "http://[::1]"}) {
    EXPECT_EQ(check_http_origin(url), std::nullopt) << url;
  }
}

TEST(CheckHttpOrigin, RefusesAllElse) {
  for (const char* url : {"", "http://", "localhost:80", "ftp://a", "http://a:0", "http://a:65536",
                          "http://a:", "http://a:8x", "http://a/b", "http://a?b", "http://u@a", "http://a b",
                          "http://[::1", "http://[x]:1", "http://::1", "http://a:80//", "http://a\r\nb"}) {
    EXPECT_NE(check_http_origin(url), std::nullopt) << url;
  }
  EXPECT_THROW(HttpClient(boost::asio::io_context().get_executor(), "ftp://a", {}), std::invalid_argument);
}

}  // namespace
}  // namespace simplechat::runtime

#include "runtime/http_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "runtime/loopback_peer.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

const std::string kGet = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n";

std::string post(std::string_view body, std::string_view further_headers = "") {
  return "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(further_headers) + "\r\n" + std::string(body);
}

// One connection of an address at a time.
class OnePeer final : public PeerLimit {
 public:
  virtual ~OnePeer() = default;

  bool enter(const std::string& address) override {
    EXPECT_EQ(address, "127.0.0.1");
    if (connections_ == 1) return false;
    ++connections_;
    return true;
  }
  void leave(const std::string& /*address*/) override { --connections_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  std::atomic<int> connections_ = 0;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    routes_.add("GET", "/hello", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.content_type = "text/plain", .body = "hello", .headers = {{"X-Further", "yes"}}};
    });
    routes_.add("POST", "/echo", [](const HttpRequest& request, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.content_type = request.content_type, .body = request.body};
    });
    routes_.add("GET", "/request", [](const HttpRequest& request, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.body = request.method + "|" + request.target + "|" + request.authorization + "|" +
                                     request.remote_address};
    });
    routes_.add("GET", "/throw", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
      throw std::runtime_error("handler fault");
      co_return HttpResponse{};
    });
    routes_.add("GET", "/empty", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.status = 204};
    });
    routes_.add("GET", "/wait", [this](const HttpRequest&, const auto&) { return wait_for_go(); });
  }

  ~HttpServerTest() override {
    if (server_) on_reactor([this] { server_->stop(); });
    reactors_.stop();
  }

  void start(HttpServer::Options options = {}, HttpServer::UpgradeHandler on_upgrade = {}) {
    server_.emplace(reactors_[0], std::move(options), routes_, std::move(on_upgrade));
    server_->start();
    reactors_.start();
  }

  LoopbackPeer connect() { return LoopbackPeer(server_->port()); }

  template <class Work>
  void on_reactor(Work work) {
    std::promise<void> done;
    reactors_[0].post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  boost::asio::awaitable<HttpResponse> wait_for_go() {
    waiting_ = true;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (!go_) {
      timer.expires_after(1ms);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return HttpResponse{.body = "went"};
  }

  std::atomic<bool> waiting_ = false;
  std::atomic<bool> go_ = false;
  HttpRoutes routes_;
  OnePeer peers_;  // outlives the server
  ReactorPool reactors_{1};
  std::optional<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithLengthAndFurtherHeaders) {
  start();
  LoopbackPeer peer = connect();
  peer.send(kGet);
  const auto answer = peer.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->header, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer->header, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer->header, HasSubstr("Content-Length: 5"));
  EXPECT_THAT(answer->header, HasSubstr("X-Further: yes"));
  EXPECT_THAT(answer->header, HasSubstr("Date: "));
  EXPECT_THAT(answer->header, Not(HasSubstr("Server:")));
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(HttpServerTest, HandlersSeeTheRequest) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /request?a=b HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer t\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->body, "GET|/request?a=b|Bearer t|127.0.0.1");
  peer.send("GET http://test/request?c=d HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->body, "GET|/request?c=d||127.0.0.1");
  peer.send(post("body", "Content-Type: text/x\r\n"));
  const auto echoed = peer.read_answer();
  EXPECT_EQ(echoed->body, "body");
  EXPECT_THAT(echoed->header, HasSubstr("Content-Type: text/x"));
}

TEST_F(HttpServerTest, KeepsTheConnection) {
  start();
  LoopbackPeer peer = connect();
  for (int i = 0; i < 3; ++i) {
    peer.send(kGet);
    ASSERT_TRUE(peer.read_answer());
  }
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsksForIt) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer.read_answer()->header, HasSubstr("Connection: close"));
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, SpeaksHttp10) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(peer.read_answer()->header, HasSubstr("Connection: keep-alive"));
  peer.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->body, "hello");
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  LoopbackPeer peer = connect();
  peer.send(post("one") + kGet + post("two") + post("three"));
  EXPECT_EQ(peer.read_answer()->body, "one");
  EXPECT_EQ(peer.read_answer()->body, "hello");
  EXPECT_EQ(peer.read_answer()->body, "two");
  EXPECT_EQ(peer.read_answer()->body, "three");
}

TEST_F(HttpServerTest, TakesARequestByteByByte) {
  start();
  LoopbackPeer peer = connect();
  for (const char byte : post("slowly")) peer.send({&byte, 1});
  EXPECT_EQ(peer.read_answer()->body, "slowly");
}

TEST_F(HttpServerTest, TakesAChunkedBody) {
  start();
  LoopbackPeer peer = connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
            kGet);
  EXPECT_EQ(peer.read_answer()->body, "abcde");
  EXPECT_EQ(peer.read_answer()->body, "hello");
}

TEST_F(HttpServerTest, TakesABodyUpToItsBound) {
  start({.body_bytes_max = 1'000'000});
  LoopbackPeer peer = connect();
  const std::string body(1'000'000, 'x');
  peer.send(post(body));
  const auto answer = peer.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->body == body);
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  start();
  LoopbackPeer peer = connect();
  peer.send("HEAD /hello HTTP/1.1\r\nHost: test\r\n\r\n" + kGet);
  const auto head = peer.read_answer(true);
  EXPECT_EQ(head->status(), 200);
  EXPECT_THAT(head->header, HasSubstr("Content-Length: 5"));
  EXPECT_EQ(peer.read_answer()->body, "hello");
}

TEST_F(HttpServerTest, NoContentHasNoLength) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /empty HTTP/1.1\r\nHost: test\r\n\r\n" + kGet);
  const auto empty = peer.read_answer();
  EXPECT_EQ(empty->status(), 204);
  EXPECT_THAT(empty->header, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(peer.read_answer()->body, "hello");
}

TEST_F(HttpServerTest, AnswersUnknownPathsAndGoesOn) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n" + kGet);
  EXPECT_EQ(peer.read_answer()->status(), 404);
  EXPECT_EQ(peer.read_answer()->status(), 200);
}

class HttpServerMalformedTest : public HttpServerTest, public testing::WithParamInterface<std::string> {};

TEST_P(HttpServerMalformedTest, IsAnswered400AndClosed) {
  start();
  LoopbackPeer peer = connect();
  peer.send(GetParam());
  const auto answer = peer.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status(), 400) << answer->header;
  EXPECT_THAT(answer->header, HasSubstr("Connection: close"));
  EXPECT_THAT(answer->body, HasSubstr(R"("status":"error","code":"bad_frame")"));
  EXPECT_TRUE(peer.read_closed());
  LoopbackPeer another = connect();
  another.send(kGet);
  EXPECT_EQ(another.read_answer()->status(), 200);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, HttpServerMalformedTest,
    testing::Values("garbage\r\n\r\n", "GET  HTTP/1.1\r\nHost: t\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost : t\r\n\r\n",
                    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
                    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n",
                    "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"));

TEST_F(HttpServerTest, RefusesOtherVersions) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /hello HTTP/2.0\r\nHost: t\r\n\r\n");
  const auto answer = peer.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->status(), testing::AnyOf(400, 505));
}

TEST_F(HttpServerTest, RefusesAnOversizeHeader) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /hello HTTP/1.1\r\nHost: test\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->status(), 431);
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, TakesAHeaderWithinTheBound) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /hello HTTP/1.1\r\nHost: test\r\nX: " + std::string(15'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->status(), 200);
}

TEST_F(HttpServerTest, RefusesAnOversizeBodyByItsAnnouncedLength) {
  start({.body_bytes_max = 10});
  LoopbackPeer peer = connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->status(), 413);
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, TheRefusalReachesAClientThatGoesOnSending) {
  start({.body_bytes_max = 1000});
  LoopbackPeer peer = connect();
  peer.send(post(std::string(300'000, 'x')));
  const auto answer = peer.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status(), 413);
  EXPECT_THAT(answer->body, HasSubstr("too_large"));
}

TEST_F(HttpServerTest, RefusesAnOversizeChunkedBody) {
  start({.body_bytes_max = 10});
  LoopbackPeer peer = connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n");
  EXPECT_EQ(peer.read_answer()->status(), 413);
}

TEST_F(HttpServerTest, Sends100Continue) {
  start();
  LoopbackPeer peer = connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->header, "HTTP/1.1 100 Continue");
  peer.send("body");
  EXPECT_EQ(peer.read_answer()->body, "body");
}

TEST_F(HttpServerTest, ClosesASlowHeaderAtTheDeadline) {
  start({.request_deadline = 50ms});
  LoopbackPeer peer = connect();
  peer.send("GET /hello HTTP/1.1\r\nHo");
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, ClosesASlowBodyAtTheDeadline) {
  start({.request_deadline = 50ms});
  LoopbackPeer peer = connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, ClosesAClientThatDripsItsBodyAtTheDeadline) {
  start({.request_deadline = 50ms});
  LoopbackPeer peer = connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n");
  peer.give_up_after(1);
  const auto end = std::chrono::steady_clock::now() + 30s;
  bool open = true;  // a byte a millisecond keeps the server's reads busy; only its deadline can end this
  while (open && std::chrono::steady_clock::now() < end) open = peer.send("x") && !peer.read_closed();
  EXPECT_FALSE(open);
}

TEST_F(HttpServerTest, ClosesAClientThatDoesNotReadItsAnswer) {
  routes_.add("GET", "/large", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
    co_return HttpResponse{.body = std::string(64UL * 1024 * 1024, 'x')};
  });
  start({.connections_max = 1, .request_deadline = 50ms});
  LoopbackPeer lazy = connect();
  lazy.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto end = std::chrono::steady_clock::now() + 30s;
  bool served = false;  // once the lazy one is gone, its place is free
  while (!served && std::chrono::steady_clock::now() < end) {
    LoopbackPeer peer = connect();
    served = peer.send(kGet) && peer.read_answer();
  }
  EXPECT_TRUE(served);
}

TEST_F(HttpServerTest, ClosesAnIdleConnection) {
  start({.idle_timeout = 50ms});
  LoopbackPeer silent = connect();
  EXPECT_TRUE(silent.read_closed());
  LoopbackPeer after_one = connect();
  after_one.send(kGet);
  EXPECT_TRUE(after_one.read_answer());
  EXPECT_TRUE(after_one.read_closed());
}

TEST_F(HttpServerTest, HandlersMayTakeLongerThanTheRequestsDeadline) {
  start({.request_deadline = 20ms, .idle_timeout = 20ms});
  LoopbackPeer peer = connect();
  peer.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
  peer.give_up_after(100);
  EXPECT_FALSE(peer.read_closed());
  EXPECT_TRUE(peer.silent());
  go_ = true;
  peer.give_up_after(30'000);
  EXPECT_EQ(peer.read_answer()->body, "went");
}

const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nOrigin: http://o\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2V5\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

TEST_F(HttpServerTest, HandsUpgradesOverWithTheBytesBehindThem) {
  std::promise<HttpUpgrade> promise;
  start({}, [&promise](HttpUpgrade&& upgrade) {
    promise.set_value(std::move(upgrade));
    return true;
  });
  LoopbackPeer peer = connect();
  peer.send(kUpgrade + "first frame");
  HttpUpgrade upgrade = promise.get_future().get();
  EXPECT_EQ(upgrade.request.method, "GET");
  EXPECT_EQ(upgrade.request.target, "/ws");
  EXPECT_EQ(upgrade.request.remote_address, "127.0.0.1");
  EXPECT_EQ(upgrade.http_version, "1.1");
  EXPECT_EQ(upgrade.connection, "keep-alive, Upgrade");
  EXPECT_EQ(upgrade.upgrade, "WebSocket");
  EXPECT_EQ(upgrade.websocket_version, "13");
  EXPECT_EQ(upgrade.websocket_key, "a2V5");
  EXPECT_EQ(upgrade.websocket_protocol, "chat");
  EXPECT_EQ(upgrade.origin, "http://o");
  EXPECT_EQ(upgrade.host, "t");
  EXPECT_EQ(upgrade.pipelined, "first frame");
  ASSERT_EQ(::send(upgrade.socket.native_handle(), "mine", 4, 0), 4);
  EXPECT_EQ(peer.read_bytes(4), "mine");  // nothing was answered before
  on_reactor([&upgrade] { upgrade.socket.close(); });
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, UpgradedConnectionsHaveNoDeadlineAndDoNotCount) {
  std::promise<HttpUpgrade> promise;
  start({.connections_max = 1, .request_deadline = 20ms, .idle_timeout = 20ms}, [&promise](HttpUpgrade&& upgrade) {
    promise.set_value(std::move(upgrade));
    return true;
  });
  LoopbackPeer peer = connect();
  peer.send(kUpgrade);
  HttpUpgrade upgrade = promise.get_future().get();
  peer.give_up_after(100);
  EXPECT_FALSE(peer.read_closed());
  EXPECT_TRUE(peer.silent());
  LoopbackPeer another = connect();
  another.send(kGet);
  EXPECT_TRUE(another.read_answer());
  on_reactor([&upgrade] { upgrade.socket.close(); });
}

TEST_F(HttpServerTest, AnUpgradeThatIsNotTakenIsAnsweredAsAnyRequest) {
  start({}, [](HttpUpgrade&&) { return false; });
  LoopbackPeer peer = connect();
  peer.send(kUpgrade + kGet);
  EXPECT_EQ(peer.read_answer()->status(), 404);
  EXPECT_EQ(peer.read_answer()->body, "hello");
}

TEST_F(HttpServerTest, OffersOnlyWebSocketUpgradesWithoutABody) {
  std::atomic<int> offered = 0;
  start({}, [&offered](HttpUpgrade&&) {
    ++offered;
    return false;
  });
  LoopbackPeer peer = connect();
  peer.send("GET /hello HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->status(), 200);
  peer.send(post("body", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_EQ(peer.read_answer()->body, "body");
  EXPECT_EQ(offered, 0);
}

TEST_F(HttpServerTest, ClosesConnectionsBeyondTheBound) {
  start({.connections_max = 2});
  LoopbackPeer first = connect();
  first.send(kGet);
  ASSERT_TRUE(first.read_answer());
  LoopbackPeer second = connect();
  second.send(kGet);
  ASSERT_TRUE(second.read_answer());
  LoopbackPeer third = connect();
  EXPECT_TRUE(third.read_closed());

  first.close();
  const auto end = std::chrono::steady_clock::now() + 30s;
  bool served = false;
  while (!served && std::chrono::steady_clock::now() < end) {
    LoopbackPeer again = connect();
    served = again.send(kGet) && again.read_answer();
  }
  EXPECT_TRUE(served);
}

TEST_F(HttpServerTest, ClosesConnectionsThatAnAddressMayNotHave) {
  start({.peers = &peers_});
  LoopbackPeer peer = connect();
  peer.send(kGet);
  EXPECT_TRUE(peer.read_answer());
  EXPECT_TRUE(connect().read_closed());
  peer.close();
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (peers_.connections() != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  ASSERT_EQ(peers_.connections(), 0);
  LoopbackPeer another = connect();
  another.send(kGet);
  EXPECT_TRUE(another.read_answer());
}

TEST_F(HttpServerTest, AConnectionThatIsHandedOverIsNoLongerAPlainOne) {
  std::promise<HttpUpgrade> promise;
  start({.peers = &peers_}, [&](HttpUpgrade&& upgrade) {
    EXPECT_EQ(peers_.connections(), 0);
    promise.set_value(std::move(upgrade));
    return true;
  });
  LoopbackPeer peer = connect();
  peer.send(kUpgrade);
  HttpUpgrade upgrade = promise.get_future().get();
  LoopbackPeer another = connect();
  another.send(kGet);
  EXPECT_TRUE(another.read_answer());
  on_reactor([&upgrade] { upgrade.socket.close(); });
}

TEST_F(HttpServerTest, ARefusedUpgradeGetsTheHandlersAnswerAndEnds) {
  start({}, [](HttpUpgrade&& upgrade) {
    upgrade.refusal = http_error(403, "forbidden", "not you");
    return false;
  });
  LoopbackPeer peer = connect();
  peer.send(kUpgrade + kGet);
  const auto answer = peer.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status(), 403);
  EXPECT_THAT(answer->header, HasSubstr("Connection: close"));
  EXPECT_TRUE(peer.read_closed());
}

TEST_F(HttpServerTest, TheFirstRequestHasItsDeadlineFromTheConnectionsStart) {
  start({.request_deadline = 50ms, .idle_timeout = 60s});
  EXPECT_TRUE(connect().read_closed());
}

TEST_F(HttpServerTest, ReadsNoTransferCodingButChunked) {
  start();
  for (const char* coding :
       {"gzip, chunked", "chunked, identity", "xchunked", "identity", "chunked\r\nTransfer-Encoding: chunked"}) {
    LoopbackPeer peer = connect();
    peer.send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n0\r\n\r\n" +
              kGet);
    const auto answer = peer.read_answer();
    ASSERT_TRUE(answer) << coding;
    EXPECT_EQ(answer->status(), 400) << coding;
    EXPECT_TRUE(peer.read_closed()) << coding;
  }
}

TEST_F(HttpServerTest, AHandlersExceptionIsA500) {
  start();
  LoopbackPeer peer = connect();
  peer.send("GET /throw HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto answer = peer.read_answer();
  EXPECT_EQ(answer->status(), 500);
  EXPECT_THAT(answer->body, Not(HasSubstr("handler fault")));
  peer.send(kGet);
  EXPECT_EQ(peer.read_answer()->status(), 200);
}

TEST_F(HttpServerTest, StopClosesIdleConnectionsAndLetsAnswersEnd) {
  start();
  LoopbackPeer idle = connect();
  idle.send(kGet);
  ASSERT_TRUE(idle.read_answer());
  LoopbackPeer busy = connect();
  busy.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n" + kGet);
  while (!waiting_) std::this_thread::yield();

  const std::uint16_t port = server_->port();
  on_reactor([this] { server_->stop(); });
  EXPECT_TRUE(idle.read_closed());
  EXPECT_THROW(LoopbackPeer{port}, std::runtime_error);
  go_ = true;
  const auto answer = busy.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "went");
  EXPECT_THAT(answer->header, HasSubstr("Connection: close"));
  EXPECT_FALSE(busy.read_answer());
}

TEST_F(HttpServerTest, ListensOnIpv6) {
  HttpServer server(reactors_[0], {.host = "::1"}, routes_);
  EXPECT_NE(server.port(), 0);
}

TEST_F(HttpServerTest, ListensOnALocalName) {
  start({.host = "localhost"});
  LoopbackPeer peer = connect();
  peer.send(kGet);
  EXPECT_TRUE(peer.read_answer());
}

TEST_F(HttpServerTest, APortInUseEndsStartUp) {
  start();
  const std::uint16_t port = server_->port();
  try {
    HttpServer another(reactors_[0], {.port = port}, routes_);
    FAIL() << "took a port that is in use";
  } catch (const std::system_error& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("127.0.0.1:" + std::to_string(port)));
    EXPECT_EQ(failure.code(), std::errc::address_in_use);
  }
}

TEST_F(HttpServerTest, AHostThatDoesNotExistEndsStartUp) {
  EXPECT_THROW(HttpServer(reactors_[0], {.host = "no host"}, routes_), std::system_error);
  EXPECT_THROW(HttpServer(reactors_[0], {.host = "192.0.2.1"}, routes_), std::system_error);
}

TEST(HttpServers, OfSeveralReactorsShareAPort) {
  HttpRoutes routes;
  ReactorPool reactors(2);
  HttpServer first(reactors[0], {}, routes);
  HttpServer second(reactors[1], {.port = first.port()}, routes);
  EXPECT_EQ(first.port(), second.port());
}

// The lowest file descriptor that is free.
rlim_t free_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(fd);
  return static_cast<rlim_t>(fd);
}

TEST_F(HttpServerTest, SurvivesRunningOutOfFileDescriptors) {
  testing::internal::CaptureStderr();
  start();
  LoopbackPeer peer;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit exhausted = before;
  exhausted.rlim_cur = free_descriptor();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &exhausted), 0);
  peer.connect(server_->port());
  peer.send(kGet);
  peer.give_up_after(350);  // several attempts to accept
  const bool answered_without_descriptor = peer.read_answer().has_value();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  peer.give_up_after(30'000);
  const auto answer = peer.read_answer();
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(answered_without_descriptor);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status(), 200);
  const std::size_t first = logged.find("accept_failed");
  EXPECT_NE(first, std::string::npos) << logged;
  EXPECT_EQ(logged.find("accept_failed", first + 1), std::string::npos) << "logged more than once: " << logged;
}

}  // namespace
}  // namespace simplechat::runtime

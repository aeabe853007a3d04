// How long a connection may take, and how many there may be.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "runtime/http_server.h"
#include "runtime/http_server_fixture_test.h"

namespace simplechat::runtime {
namespace {

using namespace std::chrono_literals;

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

TEST_F(HttpServerTest, TheFirstRequestHasItsDeadlineFromTheConnectionsStart) {
  start({.request_deadline = 50ms, .idle_timeout = 60s});
  EXPECT_TRUE(connect().read_closed());
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

TEST_F(HttpServerTest, ClosesAnIdleConnection) {
  start({.idle_timeout = 50ms});
  LoopbackPeer silent = connect();
  EXPECT_TRUE(silent.read_closed());
  LoopbackPeer after_one = connect();
  after_one.send(kGet);
  EXPECT_TRUE(after_one.read_answer());
  EXPECT_TRUE(after_one.read_closed());
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

}  // namespace
}  // namespace simplechat::runtime

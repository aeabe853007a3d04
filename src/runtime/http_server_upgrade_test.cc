// WebSocket upgrades: handed over, declined, refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <string>

#include "runtime/http_server.h"
#include "runtime/http_server_fixture_test.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

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

TEST_F(HttpServerTest, AnUpgradeThatIsNotTakenIsAnsweredAsAnyRequest) {
  start({}, [](HttpUpgrade&&) { return false; });
  LoopbackPeer peer = connect();
  peer.send(kUpgrade + kGet);
  EXPECT_EQ(peer.read_answer()->status(), 404);
  EXPECT_EQ(peer.read_answer()->body, "hello");
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

}  // namespace
}  // namespace simplechat::runtime

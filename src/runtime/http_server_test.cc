// Requests and their answers; the other files of the same name have refusals, bounds, upgrades and the listener.
#include "runtime/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/http_server_fixture_test.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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

TEST_F(HttpServerTest, Sends100Continue) {
  start();
  LoopbackPeer peer = connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read_answer()->header, "HTTP/1.1 100 Continue");
  peer.send("body");
  EXPECT_EQ(peer.read_answer()->body, "body");
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

}  // namespace
}  // namespace simplechat::runtime

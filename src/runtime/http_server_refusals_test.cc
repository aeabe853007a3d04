// Requests that are refused: malformed, of other versions, too large.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/http_server.h"
#include "runtime/http_server_fixture_test.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace simplechat::runtime

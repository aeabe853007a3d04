// The listener: where it listens, that it goes on accepting, and its end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "runtime/http_server.h"
#include "runtime/http_server_fixture_test.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace simplechat::runtime

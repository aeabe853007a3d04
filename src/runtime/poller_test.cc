#include "runtime/poller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <optional>

namespace simplechat::runtime {
namespace {

struct SocketPair {
  SocketPair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0); }
  ~SocketPair() {
    close(fds[0]);
    if (fds[1] >= 0) close(fds[1]);
  }
  void end_peer() {
    close(fds[1]);
    fds[1] = -1;
  }
  int fds[2];
};

struct Recorder final : Poller::Handler {
  void on_ready(Poller::Ready ready) override {
    ++calls;
    last = ready;
    if (action) action();
  }
  int calls = 0;
  std::optional<Poller::Ready> last;
  std::function<void()> action;
};

TEST(Poller, ReportsReadinessUntilItIsDealtWith) {
  Reactor reactor(0);
  Poller poller(reactor);
  SocketPair pair;
  Recorder handler;
  ASSERT_TRUE(poller.add(pair.fds[0], handler, {}));
  ASSERT_EQ(write(pair.fds[1], "ab", 2), 2);
  reactor.io().run_one();
  ASSERT_EQ(handler.calls, 1);
  EXPECT_TRUE(handler.last->readable);
  EXPECT_FALSE(handler.last->writable);
  reactor.io().run_one();
  EXPECT_EQ(handler.calls, 2) << "level-triggered: the bytes are still there";
}

TEST(Poller, FollowsAChangeOfInterest) {
  Reactor reactor(0);
  Poller poller(reactor);
  SocketPair pair;
  Recorder handler;
  ASSERT_TRUE(poller.add(pair.fds[0], handler, {.readable = false, .writable = false}));
  ASSERT_EQ(write(pair.fds[1], "a", 1), 1);
  reactor.io().poll();
  EXPECT_EQ(handler.calls, 0);
  poller.change(pair.fds[0], handler, {.readable = false, .writable = true});
  reactor.io().run_one();
  ASSERT_EQ(handler.calls, 1);
  EXPECT_TRUE(handler.last->writable);
  EXPECT_FALSE(handler.last->readable);
}

TEST(Poller, ReportsABrokenSocketWhateverTheInterest) {
  Reactor reactor(0);
  Poller poller(reactor);
  SocketPair pair;
  Recorder handler;
  ASSERT_TRUE(poller.add(pair.fds[0], handler, {.readable = false, .writable = false}));
  pair.end_peer();
  reactor.io().run_one();
  ASSERT_EQ(handler.calls, 1);
  EXPECT_TRUE(handler.last->broken);
}

TEST(Poller, DoesNotCallAHandlerThatAnotherRemovedInTheSameTurn) {
  Reactor reactor(0);
  Poller poller(reactor);
  SocketPair pairs[2];
  Recorder handlers[2];
  for (int i = 0; i < 2; ++i) {
    handlers[i].action = [&, other = 1 - i] { poller.remove(pairs[other].fds[0], handlers[other]); };
    ASSERT_TRUE(poller.add(pairs[i].fds[0], handlers[i], {}));
    ASSERT_EQ(write(pairs[i].fds[1], "a", 1), 1);
  }
  reactor.io().run_one();
  EXPECT_EQ(handlers[0].calls + handlers[1].calls, 1);
}

}  // namespace
}  // namespace simplechat::runtime

#include "runtime/gate.h"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "runtime/wait_list.h"

namespace simplechat::runtime {
namespace {

using Clock = std::chrono::steady_clock;

class GateTest : public testing::Test {
 protected:
  // Runs in the gate until go_.wake_one().
  boost::asio::awaitable<void> wait_for_go() {
    co_await go_.wait_until(Clock::time_point::max());
    ++ended_;
  }

  void start_closing() {
    boost::asio::co_spawn(io_, gate_->close(), [this](const std::exception_ptr&) { closed_ = true; });
    io_.poll();
  }

  boost::asio::io_context io_;
  WaitList go_{io_.get_executor()};
  std::unique_ptr<Gate> gate_ = std::make_unique<Gate>(io_.get_executor());
  int ended_ = 0;
  bool closed_ = false;
};

TEST_F(GateTest, ClosesAtOnceIfNothingRuns) {
  start_closing();
  EXPECT_TRUE(closed_);
  EXPECT_TRUE(gate_->closing());
}

TEST_F(GateTest, WaitsForTheLastCoroutine) {
  EXPECT_TRUE(gate_->spawn(wait_for_go()));
  EXPECT_TRUE(gate_->spawn(wait_for_go()));
  io_.poll();
  start_closing();
  EXPECT_FALSE(closed_);
  go_.wake_one();
  io_.poll();
  EXPECT_EQ(ended_, 1);
  EXPECT_FALSE(closed_);
  go_.wake_one();
  io_.poll();
  EXPECT_EQ(ended_, 2);
  EXPECT_TRUE(closed_);
}

TEST_F(GateTest, MayBeDestroyedOnceClosed) {
  EXPECT_TRUE(gate_->spawn(wait_for_go()));
  boost::asio::co_spawn(io_, gate_->close(), [this](const std::exception_ptr&) { gate_.reset(); });
  io_.poll();
  go_.wake_all();
  io_.run();
  EXPECT_FALSE(gate_);
}

TEST_F(GateTest, CountsCoroutinesThatHaveNotBegun) {
  EXPECT_TRUE(gate_->spawn(wait_for_go()));
  start_closing();
  EXPECT_FALSE(closed_);
  go_.wake_all();
  io_.poll();
  EXPECT_TRUE(closed_);
}

TEST_F(GateTest, RefusesWhileClosing) {
  gate_->spawn(wait_for_go());
  io_.poll();
  start_closing();
  EXPECT_FALSE(gate_->spawn(wait_for_go()));
  go_.wake_all();
  io_.poll();
  EXPECT_EQ(ended_, 1);
  EXPECT_TRUE(closed_);
}

TEST_F(GateTest, TwoMayWaitForTheEnd) {
  gate_->spawn(wait_for_go());
  io_.poll();
  bool also_closed = false;
  boost::asio::co_spawn(io_, gate_->close(), [&also_closed](const std::exception_ptr&) { also_closed = true; });
  start_closing();
  go_.wake_all();
  io_.poll();
  EXPECT_TRUE(closed_);
  EXPECT_TRUE(also_closed);
}

TEST_F(GateTest, AnExceptionLeavesTheLoop) {
  gate_->spawn([]() -> boost::asio::awaitable<void> {
    throw std::runtime_error("broken invariant");
    co_return;
  }());
  EXPECT_THROW(io_.run(), std::runtime_error);
}

TEST(WaitList, WakesInOrderAndEndsAtTheDeadline) {
  boost::asio::io_context io;
  WaitList list(io.get_executor());
  std::string log;
  const auto wait = [&](std::string name, Clock::time_point deadline) -> boost::asio::awaitable<void> {
    const bool woken = co_await list.wait_until(deadline);
    log += name + (woken ? " woken;" : " late;");
  };
  EXPECT_FALSE(list.wake_one());
  for (const char* name : {"a", "b"})
    boost::asio::co_spawn(io, wait(name, Clock::time_point::max()), boost::asio::detached);
  boost::asio::co_spawn(io, wait("c", Clock::now()), boost::asio::detached);
  io.poll();
  EXPECT_EQ(log, "c late;");
  EXPECT_TRUE(list.wake_one());
  io.poll();
  EXPECT_EQ(log, "c late;a woken;");
  list.wake_all();
  io.poll();
  EXPECT_EQ(log, "c late;a woken;b woken;");
  EXPECT_FALSE(list.wake_one());
}

}  // namespace
}  // namespace simplechat::runtime

#include "runtime/worker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <optional>
#include <thread>
#include <vector>

namespace simplechat::runtime {
namespace {

class WorkerTest : public testing::Test {
 protected:
  // A coroutine, or a function that returns one, which is kept until that ends.
  template <class Coroutine>
  void spawn(Coroutine coroutine) {
    boost::asio::co_spawn(io_, std::move(coroutine), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }

  boost::asio::io_context io_;
};

TEST_F(WorkerTest, RunsOnItsThreadAndResumesOnTheCallers) {
  Worker worker("test", 10);
  std::thread::id ran;
  std::thread::id resumed;
  std::optional<int> result;
  spawn([&]() -> boost::asio::awaitable<void> {
    const auto outcome = co_await worker.run([&ran] {
      ran = std::this_thread::get_id();
      return 42;
    });
    resumed = std::this_thread::get_id();
    if (outcome) result = *outcome;
  });
  io_.run();
  EXPECT_EQ(result, 42);
  EXPECT_EQ(resumed, std::this_thread::get_id());
  EXPECT_NE(ran, resumed);
}

TEST_F(WorkerTest, TakesAndReturnsWhatCanOnlyBeMoved) {
  Worker worker("test", 10);
  std::unique_ptr<int> result;
  spawn([&]() -> boost::asio::awaitable<void> {
    auto outcome = co_await worker.run([given = std::make_unique<int>(7)]() mutable { return std::move(given); });
    if (outcome) result = *std::move(outcome);
  });
  io_.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 7);
}

TEST_F(WorkerTest, RunsJobsInOrder) {
  constexpr int kJobs = 100;
  Worker worker("test", kJobs);
  std::vector<int> order;  // touched by the worker's thread only, until io_ has run
  for (int i = 0; i < kJobs; ++i) {
    spawn([](Worker& on, std::vector<int>& into, int number) -> boost::asio::awaitable<void> {
      const auto outcome = co_await on.run([&into, number] {
        into.push_back(number);
        return true;
      });
      EXPECT_TRUE(outcome);
    }(worker, order, i));
  }
  io_.run();
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kJobs));
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

// Holds the worker in a job until release().
struct Blocker {
  std::promise<void> started;
  std::promise<void> released;

  auto job() {
    return [this] {
      started.set_value();
      released.get_future().wait();
      return true;
    };
  }
};

TEST_F(WorkerTest, RefusesBeyondItsQueue) {
  Worker worker("test", 2);
  Blocker blocker;
  int done = 0;
  int refused = 0;
  const auto count = [&](auto job) -> boost::asio::awaitable<void> {
    const auto outcome = co_await worker.run(std::move(job));
    outcome ? ++done : ++refused;
  };
  spawn(count(blocker.job()));
  io_.poll();
  blocker.started.get_future().wait();
  for (int i = 0; i < 5; ++i) spawn(count([] { return true; }));
  io_.poll();
  EXPECT_EQ(refused, 3);
  blocker.released.set_value();
  io_.run();
  EXPECT_EQ(done, 3);
}

TEST_F(WorkerTest, ItsEndLetsTheRunningJobFinishAndFailsTheWaitingOnes) {
  auto worker = std::make_unique<Worker>("test", 10);
  Blocker blocker;
  std::optional<bool> running_done;
  std::optional<bool> waiting_done;
  std::atomic<bool> waiting_ran = false;
  spawn([&]() -> boost::asio::awaitable<void> { running_done = (co_await worker->run(blocker.job())).has_value(); });
  io_.poll();
  blocker.started.get_future().wait();
  spawn([&]() -> boost::asio::awaitable<void> {
    const auto outcome = co_await worker->run([&waiting_ran] { return waiting_ran = true; });
    waiting_done = outcome.has_value();
  });
  io_.poll();
  std::jthread destroyer([&worker] { delete worker.release(); });
  // If the running job ends before the destructor begins, the waiting one runs: that is right as well.
  blocker.released.set_value();
  destroyer.join();
  io_.run();
  EXPECT_EQ(running_done, true);
  EXPECT_EQ(waiting_done, waiting_ran.load());
}

TEST_F(WorkerTest, ManyCallersFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kJobs = 500;
  Worker worker("a name that is longer than the system takes", kThreads * kJobs);
  int sum = 0;  // the worker's
  std::atomic<int> resumed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        boost::asio::io_context io;
        for (int i = 0; i < kJobs; ++i) {
          boost::asio::co_spawn(io, worker.run([&sum] { return ++sum; }),
                                [&resumed](const std::exception_ptr&, const std::expected<int, WorkerBusy>& outcome) {
                                  if (outcome) ++resumed;
                                });
        }
        io.run();
      });
    }
  }
  EXPECT_EQ(resumed, kThreads * kJobs);
  EXPECT_EQ(sum, kThreads * kJobs);
}

}  // namespace
}  // namespace simplechat::runtime

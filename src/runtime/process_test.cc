// The process as a whole: reactors, and what signals.h settles.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include "runtime/reactor.h"
#include "runtime/signals.h"

namespace simplechat::runtime {
namespace {

TEST(ReactorPool, HasAReactorPerUsableCoreByDefault) {
  EXPECT_GE(ReactorPool(0).size(), 1U);
  EXPECT_EQ(ReactorPool(3).size(), 3U);
}

TEST(ReactorPool, EachReactorRunsItsWorkOnItsOwnThread) {
  ReactorPool pool(2);
  pool.start();
  std::promise<std::thread::id> first;
  std::promise<std::thread::id> again;
  std::promise<std::thread::id> second;
  pool[0].post([&first] { first.set_value(std::this_thread::get_id()); });
  pool[0].post([&again] { again.set_value(std::this_thread::get_id()); });
  pool[1].post([&second] { second.set_value(std::this_thread::get_id()); });
  const std::thread::id first_thread = first.get_future().get();
  EXPECT_EQ(first_thread, again.get_future().get());
  EXPECT_NE(first_thread, second.get_future().get());
  EXPECT_EQ(pool[1].index(), 1U);
}

TEST(ReactorPool, TakesWorkFromManyThreads) {
  ReactorPool pool(1);
  pool.start();
  int sum = 0;  // the reactor's
  std::promise<void> done;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          pool[0].post([&] {
            if (++sum == 4000) done.set_value();
          });
        }
      });
    }
  }
  done.get_future().wait();
  pool.stop();
  EXPECT_EQ(sum, 4000);
}

TEST(StopSignal, TakesTerminationAndInterrupt) {
  for (const int signal : {SIGTERM, SIGINT}) {
    StopSignal stop;
    std::jthread sender([signal] { ::kill(::getpid(), signal); });  // blocked in this thread, too
    EXPECT_EQ(stop.wait(), signal);
  }
}

TEST(StopSignal, TakesHangupForTheEndUnlessThereIsSomethingToReadAgain) {
  {
    StopSignal stop;
    std::jthread sender([] { ::kill(::getpid(), SIGHUP); });
    EXPECT_EQ(stop.wait(), SIGHUP);
  }
  StopSignal stop;
  int reloads = 0;
  stop.on_hangup([&reloads] {
    if (++reloads == 1) {
      ::kill(::getpid(), SIGHUP);
    } else {
      ::kill(::getpid(), SIGTERM);
    }
  });
  std::jthread sender([] { ::kill(::getpid(), SIGHUP); });
  EXPECT_EQ(stop.wait(), SIGTERM);
  EXPECT_EQ(reloads, 2);
}

TEST(StopSignal, AHangupThatIsIgnoredStaysIgnored) {
  EXPECT_EXIT(
      {
        std::signal(SIGHUP, SIG_IGN);
        StopSignal stop;
        ::kill(::getpid(), SIGHUP);
        std::jthread sender([] { ::kill(::getpid(), SIGTERM); });
        const int signal = stop.wait();
        sender.join();
        ::_exit(signal);
      },
      testing::ExitedWithCode(SIGTERM), "");
}

TEST(StopSignal, ASecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        StopSignal stop;
        ::kill(::getpid(), SIGTERM);
        stop.wait();
        ::kill(::getpid(), SIGTERM);
        ::_exit(0);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(StopSignal, AWriteToAClosedPipeIsAnError) {
  const StopSignal stop;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  ::close(ends[1]);
}

TEST(OpenFilesLimit, IsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_open_files_limit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
}

}  // namespace
}  // namespace simplechat::runtime

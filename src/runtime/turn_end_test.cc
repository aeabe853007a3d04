#include "runtime/turn_end.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace simplechat::runtime {
namespace {

struct Recorder final : TurnEnd::Hook {
  explicit Recorder(std::function<void()> a) : action(std::move(a)) {}
  void on_turn_end() override { action(); }
  std::function<void()> action;
};

TEST(TurnEnd, RunsOnceHoweverOftenItWasScheduled) {
  Reactor reactor(0);
  TurnEnd turn_end(reactor);
  int runs = 0;
  Recorder hook([&] { ++runs; });
  turn_end.schedule(hook);
  turn_end.schedule(hook);
  EXPECT_EQ(runs, 0) << "not before the turn ends";
  reactor.io().poll();
  EXPECT_EQ(runs, 1);
  turn_end.schedule(hook);
  reactor.io().restart();
  reactor.io().poll();
  EXPECT_EQ(runs, 2) << "a later turn is another one";
}

TEST(TurnEnd, RunsAfterWhatWasReadyAndInOrder) {
  Reactor reactor(0);
  TurnEnd turn_end(reactor);
  std::vector<int> order;
  Recorder second([&] { order.push_back(3); });
  Recorder first([&] {
    order.push_back(2);
    turn_end.schedule(second);  // by a hook: still the same turn
  });
  reactor.post([&] { turn_end.schedule(first); });
  reactor.post([&] { order.push_back(1); });
  reactor.io().poll();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

}  // namespace
}  // namespace simplechat::runtime

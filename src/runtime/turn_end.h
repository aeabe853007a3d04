// Work that is done once at the end of a loop turn, however often it was asked for during the turn: flushing sockets,
// handing a batch over. It is what turns many small things into one batch without a timer.
//
// A turn ends when everything that was ready when it began has been handled. Lives on its reactor.
#pragma once

#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "runtime/reactor.h"

namespace simplechat::runtime {

class TurnEnd {
 public:
  // Something to do at the end of a turn. Must outlive the turn in which it was scheduled.
  class Hook {
   public:
    virtual void on_turn_end() = 0;

   protected:
    ~Hook() = default;

   private:
    friend class TurnEnd;
    bool scheduled_ = false;
  };

  explicit TurnEnd(Reactor& reactor) : reactor_(reactor) {}

  // `told` is called after the hooks of each turn, with the time since the first of them was scheduled: how long what
  // came first had to wait. Set once, before the first turn.
  void watch(std::function<void(std::chrono::steady_clock::duration took)> told) { told_ = std::move(told); }

  // Runs `hook` once at the end of this turn, after the hooks scheduled before it. Hooks that are scheduled by a hook
  // run at the end of the same turn.
  void schedule(Hook& hook) {
    if (hook.scheduled_) return;
    hook.scheduled_ = true;
    hooks_.push_back(&hook);
    if (posted_) return;
    posted_ = true;
    if (told_) began_ = std::chrono::steady_clock::now();
    reactor_.post([this] { run(); });
  }

 private:
  void run() {
    for (std::size_t next = 0; next < hooks_.size(); ++next) {  // hooks_ may grow meanwhile
      Hook& hook = *hooks_[next];
      hook.scheduled_ = false;
      hook.on_turn_end();
    }
    hooks_.clear();
    posted_ = false;
    if (told_) told_(std::chrono::steady_clock::now() - began_);
  }

  Reactor& reactor_;
  std::function<void(std::chrono::steady_clock::duration)> told_;
  std::chrono::steady_clock::time_point began_;  // of the turn, if somebody is told
  std::vector<Hook*> hooks_;
  bool posted_ = false;
};

}  // namespace simplechat::runtime

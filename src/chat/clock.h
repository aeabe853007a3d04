// Hybrid logical clock (Kulkarni et al., 2014), folded into one 64-bit microsecond count: strictly increasing on one
// gateway, never behind a timestamp that the gateway has seen, and as close to the wall clock as those two allow.
//
// One instance per gateway, shared by its reactors: the only state that they all write, one atomic word.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include "chat/message.h"

namespace simplechat::chat {

class HybridLogicalClock {
 public:
  // Wall clock in microseconds since the Unix epoch; may jump in either direction. Called from every reactor.
  using WallClock = std::function<Timestamp()>;

  explicit HybridLogicalClock(WallClock wall_clock) : wall_clock_(std::move(wall_clock)) {}

  // A timestamp later than every one drawn or observed before.
  [[nodiscard]] Timestamp now() {
    Timestamp last = last_.load(std::memory_order_relaxed);
    Timestamp next = 0;
    do {
      next = std::max(wall_clock_(), last + 1);
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
  }

  // Makes every later now() greater than `seen`, a timestamp received from another gateway. A `seen` more than
  // kSkewMax ahead of the wall clock is ignored: one machine with a broken clock must not drag the others along.
  void observe(Timestamp seen) {
    if (seen > wall_clock_() + kSkewMax) return;
    Timestamp last = last_.load(std::memory_order_relaxed);
    while (seen > last && !last_.compare_exchange_weak(last, seen, std::memory_order_relaxed)) {
    }
  }

  static constexpr Timestamp kSkewMax = 60'000'000;  // one minute, in microseconds

 private:
  WallClock wall_clock_;
  std::atomic<Timestamp> last_{0};
};

// The system's wall clock.
[[nodiscard]] Timestamp system_wall_clock();

}  // namespace simplechat::chat

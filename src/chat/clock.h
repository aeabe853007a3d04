// Hybrid logical clock (Kulkarni et al., 2014), folded into one 64-bit microsecond count: strictly increasing on one
// gateway, never behind a timestamp that the gateway has seen, and as close to the wall clock as those two allow.
//
// Its wall clock is the directory's, carried on by this machine's count of elapsed time between the directory's
// answers, so the gateways of a cluster have one, whatever their machines' clocks say. What a gateway knows of it is a
// reading that was a while on its way, hence never ahead of it. With that a client may see a message on one gateway and
// answer it on another which knows nothing of the message, and the answer still is later: the time of the message was
// not ahead of the directory's when it was drawn, and the client's registration on the other gateway brought that one a
// later reading. (Until the first answer, the machine's own clock stands in.)
//
// One instance per gateway, shared by its reactors: the only state that they all write, two atomic words. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "chat/message.h"

namespace simplechat::chat {

class HybridLogicalClock {
 public:
  // Microseconds that have passed since some moment. Never goes back. Called from every reactor.
  using Elapsed = std::function<Timestamp()>;

  // `wall_now`: the machine's wall clock.
  HybridLogicalClock(Timestamp wall_now, Elapsed elapsed)
      : elapsed_(std::move(elapsed)), offset_(wall_now - elapsed_()) {}

  // A timestamp later than every one drawn or observed before.
  [[nodiscard]] Timestamp now() {
    const Timestamp wall = wall_now();
    Timestamp last = last_.load(std::memory_order_relaxed);
    Timestamp next = 0;
    do {
      next = wall > last ? wall : last + 1;
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
  }

  // The time, without drawing it: no later now() is smaller.
  [[nodiscard]] Timestamp read() const {
    const Timestamp wall = wall_now();
    const Timestamp last = last_.load(std::memory_order_relaxed);
    return wall > last ? wall : last;
  }

  // Makes every later now() greater than `seen`, a timestamp received from another gateway. A `seen` more than
  // kSkewMax ahead of the wall clock is ignored: one gateway with a broken clock must not drag the others along.
  void observe(Timestamp seen) {
    if (seen <= wall_now() + kSkewMax) pass(seen);
  }

  // Makes every later now() greater than `directory_now`, a reading of the directory's clock.
  void pass(Timestamp directory_now) {
    Timestamp last = last_.load(std::memory_order_relaxed);
    while (directory_now > last && !last_.compare_exchange_weak(last, directory_now, std::memory_order_relaxed)) {
    }
  }

  // Sets the wall clock, forward or back, by a reading of the directory's clock.
  void follow(Timestamp directory_now) {
    offset_.store(directory_now - elapsed_(), std::memory_order_relaxed);
    pass(directory_now);
  }

  static constexpr Timestamp kSkewMax = 60'000'000;  // one minute, in microseconds

 private:
  [[nodiscard]] Timestamp wall_now() const { return elapsed_() + offset_.load(std::memory_order_relaxed); }

  Elapsed elapsed_;
  std::atomic<Timestamp> offset_;
  std::atomic<Timestamp> last_{0};
};

// The system's wall clock.
[[nodiscard]] Timestamp system_wall_clock();
// Time since the system's start, suspensions included (Linux: CLOCK_BOOTTIME).
[[nodiscard]] Timestamp system_elapsed();

}  // namespace simplechat::chat

// Sends the clients of one reactor away, at a pace, so that they do not all come to the other gateways at once.
//
// Of the time given, each session is told `draining` in the first half, with three eighths of the time to leave in: a
// client waits a random part of that. From the second half on, in the same order, who is still there is no longer read
// from, and closed an eighth of the time later, when what it had sent before has most likely been acked. So also
// clients that do not know `draining` leave one after the other.
//
// Lives on its reactor; run() must have ended before destruction. Meanwhile the hub gets no new sessions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "chat/task.h"

namespace simplechat::sv_websocket {

class Hub;

class Drain {
 public:
  using Duration = std::chrono::steady_clock::duration;

  explicit Drain(Hub& hub) : hub_(hub) {}

  // Ends when the time is over, nobody is left, or after cancel(). Some may be left then, with a time of 0 all: closing
  // those is the caller's. False: cancelled.
  chat::Task<bool> run(std::chrono::milliseconds time, std::uint16_t close_code, std::string_view reason);
  void cancel() { cancelled_ = true; }

  // How many of `slots` have come to their turn, of a part of the whole from `begin` to `end` (in eighths), after
  // `elapsed`.
  [[nodiscard]] static std::size_t due(std::size_t slots, Duration elapsed, Duration time, int begin, int end);

 private:
  Hub& hub_;
  bool cancelled_ = false;
};

}  // namespace simplechat::sv_websocket

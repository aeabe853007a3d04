// The time of a reactor's turn, for limits and heartbeats: std::chrono::steady_clock is asked at most once a turn,
// however many frames the turn brings. Lives on its reactor.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/turn_end.h"

namespace simplechat::sv_websocket {

class TurnClock final : private runtime::TurnEnd::Hook {
 public:
  explicit TurnClock(runtime::TurnEnd& turn_end) : turn_end_(turn_end) {}
  virtual ~TurnClock() = default;

  // Milliseconds, modulo 2^32: for differences, by elapsed_ms().
  [[nodiscard]] std::uint32_t now_ms() {
    if (!asked_) ask();
    return now_ms_;
  }

  // From `then` to `now`; 0 if `then` is the later one. For times that lie up to 24 days apart.
  [[nodiscard]] static std::uint32_t elapsed_ms(std::uint32_t then, std::uint32_t now) {
    const std::uint32_t difference = now - then;
    return difference < kHalf ? difference : 0;
  }

 private:
  static constexpr std::uint32_t kHalf = std::uint32_t{1} << 31;

  void ask() {
    // By this clock and none that is cheaper: it is the one that the simulation moves.
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    now_ms_ = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    asked_ = true;
    turn_end_.schedule(*this);
  }

  void on_turn_end() override { asked_ = false; }

  runtime::TurnEnd& turn_end_;
  std::uint32_t now_ms_ = 0;
  bool asked_ = false;
};

}  // namespace simplechat::sv_websocket

// How much of something may come in a time: a leaky bucket of eight bytes, of which a session can afford several.
//
// Pure: the time is a parameter, in milliseconds modulo 2^32 (sv_websocket/turn_clock.h), and so wraps after 49 days. A
// bucket that is asked at least every 49 days reads it right. Reactors that share one read their clocks once a turn, so
// that one may be behind the other: time does not go back for the bucket.
#pragma once

#include <algorithm>
#include <cstdint>

namespace simplechat::sv_websocket {

// Units a millisecond that drain from a bucket, and how many it holds. per_ms 0: no limit.
struct RateLimit {
  std::uint32_t per_ms = 0;
  std::uint32_t burst = 0;

  // What lies this many seconds of the rate ahead of it passes at once.
  static constexpr std::uint32_t kBurstSeconds = 5;

  [[nodiscard]] static constexpr RateLimit of(std::uint32_t units_per_ms) {
    return {.per_ms = units_per_ms, .burst = units_per_ms * 1000 * kBurstSeconds};
  }
};

class RateBucket {
 public:
  // Takes `units` if they fit, and returns 0; else nothing, and after how many milliseconds they would.
  [[nodiscard]] std::uint32_t take(RateLimit limit, std::uint32_t units, std::uint32_t now_ms) {
    if (limit.per_ms == 0) return 0;
    drain(limit, now_ms);
    const std::uint64_t level = std::uint64_t{level_} + units;
    if (level > limit.burst) return wait_ms(limit, level);
    level_ = static_cast<std::uint32_t>(level);
    return 0;
  }

  // Takes `units` in any case. Returns after how many milliseconds the bucket is no longer more than full.
  [[nodiscard]] std::uint32_t charge(RateLimit limit, std::uint32_t units, std::uint32_t now_ms) {
    if (limit.per_ms == 0) return 0;
    drain(limit, now_ms);
    const std::uint64_t level = std::min<std::uint64_t>(std::uint64_t{level_} + units, kLevelMax);
    level_ = static_cast<std::uint32_t>(level);
    return level > limit.burst ? wait_ms(limit, level) : 0;
  }

  // Nothing is in it: it might as well be a new one.
  [[nodiscard]] bool empty(RateLimit limit, std::uint32_t now_ms) {
    drain(limit, now_ms);
    return level_ == 0;
  }

  friend bool operator==(const RateBucket&, const RateBucket&) = default;

 private:
  static constexpr std::uint64_t kLevelMax = UINT32_MAX;
  static constexpr std::uint32_t kBehindMsMax = 60'000;  // more than a turn takes

  static std::uint32_t wait_ms(RateLimit limit, std::uint64_t level) {
    return static_cast<std::uint32_t>((level - limit.burst + limit.per_ms - 1) / limit.per_ms);
  }

  void drain(RateLimit limit, std::uint32_t now_ms) {
    if (level_ != 0 && at_ms_ - now_ms < kBehindMsMax) return;
    const std::uint64_t drained = std::uint64_t{now_ms - at_ms_} * limit.per_ms;
    level_ = drained < level_ ? level_ - static_cast<std::uint32_t>(drained) : 0;
    at_ms_ = now_ms;
  }

  std::uint32_t level_ = 0;
  std::uint32_t at_ms_ = 0;
};

static_assert(sizeof(RateBucket) == 8, "every idle connection pays for two of them");

}  // namespace simplechat::sv_websocket

// What clients may demand of a gateway, and what counts when they demand more. docs/limits.md says what happens at each
// limit.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "runtime/metrics.h"
#include "sv_websocket/rate_limit.h"

namespace simplechat::sv_websocket {

// As configured. 0: no limit.
struct LimitOptions {
  std::uint32_t session_frames_per_second = 1000;
  std::uint32_t session_bytes_per_second = 2 * 1024 * 1024;
  std::size_t buffers_bytes_max = std::size_t{256} * 1024 * 1024;  // of all connections of a gateway together
  std::chrono::milliseconds register_timeout{10'000};
  std::uint32_t connections_per_address_max = 1000;
  std::uint32_t handshakes_per_second = 1000;  // of a gateway
  std::uint32_t handshakes_per_address_per_second = 50;
  std::uint32_t user_requests_per_second = 50;
  std::uint32_t user_messages_per_second = 2000;  // of one user's sessions on a gateway together
  std::uint32_t user_sessions_max = 100;          // of one user on one reactor
};

enum class Limit : std::uint8_t {
  frames,
  bytes,
  requests,
  throttled,
  buffers,
  outbox,
  register_timeout,
  connections,
  connections_per_address,
  handshakes,
  handshakes_per_address,
  origin,
  user_requests,
  user_sessions,
  user_messages,
};

// One reactor's counts of limits hit: simplechat_limited_total, by the label `limit`.
class LimitCounters {
 public:
  explicit LimitCounters(runtime::MetricsRegistry& metrics);

  void hit(Limit limit) { counters_[static_cast<std::size_t>(limit)]->add(); }

 private:
  static constexpr std::size_t kLimits = static_cast<std::size_t>(Limit::user_messages) + 1;

  std::array<runtime::Counter*, kLimits> counters_;
};

// Frames are counted in thousandths, so that a bucket drains by whole units each millisecond.
inline constexpr std::uint32_t kFrameUnits = 1000;

[[nodiscard]] constexpr RateLimit frame_rate(const LimitOptions& options) {
  return RateLimit::of(options.session_frames_per_second);
}
[[nodiscard]] constexpr RateLimit byte_rate(const LimitOptions& options) {
  return RateLimit::of((options.session_bytes_per_second + 999) / 1000);
}

}  // namespace simplechat::sv_websocket

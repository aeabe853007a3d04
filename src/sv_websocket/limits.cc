#include "sv_websocket/limits.h"

namespace simplechat::sv_websocket {
namespace {

// By Limit's order.
constexpr std::array kNames{"frames",
                            "bytes",
                            "requests",
                            "throttled",
                            "buffers",
                            "outbox",
                            "register_timeout",
                            "connections",
                            "connections_per_address",
                            "handshakes",
                            "handshakes_per_address",
                            "origin",
                            "user_requests",
                            "user_sessions",
                            "user_messages"};

}  // namespace

LimitCounters::LimitCounters(runtime::MetricsRegistry& metrics) : counters_() {
  static_assert(kNames.size() == kLimits);
  for (std::size_t i = 0; i < kLimits; ++i) {
    counters_[i] = &metrics.counter("limited_total", "How often a client met a limit", {{"limit", kNames[i]}});
  }
}

}  // namespace simplechat::sv_websocket

// Follows single messages through the services: each logs what it did with a message that is traced, as an event with
// the message's id, so that one search over all logs, or `simplechat trace`, shows its path.
//
// At log level debug all are traced. Otherwise one of `sample` messages is, chosen by a hash of its id: with the same
// sample, every service chooses the same ones, and nothing needs to be carried along. Thread-safe, and next to free
// while nothing is traced.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "runtime/log.h"

namespace simplechat::runtime::trace {

// 0: none but at level debug. Called once, before other threads start.
void configure(std::uint32_t sample);

namespace internal {
inline std::atomic<std::uint32_t> sample{0};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
}  // namespace internal

// Whether any message is traced: to be asked before looking for a message's id.
[[nodiscard]] inline bool any() {
  return internal::sample.load(std::memory_order_relaxed) != 0 || log::enabled(log::Level::debug);
}

// Logs the event if this message is traced: at info if it was sampled, else at debug. `what` and `value` are one more
// field, unless `what` is empty.
void event(std::string_view event, std::string_view id, std::string_view from, std::string_view to,
           std::string_view what = {}, std::string_view value = {});

// Whether a message with this id is one of the sample.
[[nodiscard]] bool is_sampled(std::string_view id, std::uint32_t sample);

}  // namespace simplechat::runtime::trace

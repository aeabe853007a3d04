#include "runtime/trace.h"

namespace simplechat::runtime::trace {

void configure(std::uint32_t sample) { internal::sample.store(sample, std::memory_order_relaxed); }

// FNV-1a: the same in all processes and versions.
bool is_sampled(std::string_view id, std::uint32_t sample) {
  if (sample == 0) return false;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char character : id) hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3;
  return (hash >> 32U) % sample == 0;
}

void event(std::string_view event, std::string_view id, std::string_view from, std::string_view to,
           std::string_view what, std::string_view value) {
  const bool sampled = is_sampled(id, internal::sample.load(std::memory_order_relaxed));
  const log::Level level = sampled ? log::Level::info : log::Level::debug;
  if (what.empty()) {
    log::write(level, event, {{"id", id}, {"from", from}, {"to", to}});
  } else {
    log::write(level, event, {{"id", id}, {"from", from}, {"to", to}, {what, value}});
  }
}

}  // namespace simplechat::runtime::trace

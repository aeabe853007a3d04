#include "virtual_time.h"

#include <sys/epoll.h>

#include <cerrno>
#include <ctime>
#include <optional>

namespace {

using Clock = std::chrono::steady_clock;

std::optional<Clock::time_point> virtual_now;  // nothing: time is real

Clock::time_point real_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return Clock::time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

namespace simplechat::sim {

VirtualTime::VirtualTime(Clock::time_point start) { virtual_now = start; }
VirtualTime::~VirtualTime() { virtual_now.reset(); }

}  // namespace simplechat::sim

std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept {
  return virtual_now ? *virtual_now : real_now();
}

extern "C" int timerfd_create(int /*clock*/, int /*flags*/) {
  errno = ENOSYS;
  return -1;
}

extern "C" int epoll_wait(int epoll, epoll_event* events, int events_max, int timeout_ms) {
  if (!virtual_now) return ::epoll_pwait(epoll, events, events_max, timeout_ms, nullptr);
  const int ready = ::epoll_pwait(epoll, events, events_max, 0, nullptr);
  if (ready == 0 && timeout_ms > 0) *virtual_now += std::chrono::milliseconds(timeout_ms);
  return ready;
}

#include "virtual_time.h"

#include <sys/epoll.h>

#include <cerrno>

namespace simplechat::sim {
namespace {

std::chrono::steady_clock::time_point virtual_now;  // NOLINT: there is one time

}  // namespace

void begin_virtual_time(std::chrono::steady_clock::time_point start) { virtual_now = start; }

}  // namespace simplechat::sim

std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept { return simplechat::sim::virtual_now; }

extern "C" int timerfd_create(int /*clock*/, int /*flags*/) {
  errno = ENOSYS;
  return -1;
}

extern "C" int epoll_wait(int epoll, epoll_event* events, int events_max, int timeout_ms) {
  const int ready = epoll_pwait(epoll, events, events_max, 0, nullptr);
  if (ready == 0 && timeout_ms > 0) simplechat::sim::virtual_now += std::chrono::milliseconds(timeout_ms);
  return ready;
}

// Time that passes only when there is nothing to do: std::chrono::steady_clock stands still, and jumps to the next
// timer when everything that was ready has been handled. A simulated minute costs what happens in it, not a minute.
//
// A program that links this file has three functions replaced: steady_clock::now(); timerfd_create(), which fails, so
// that Asio asks its timer queues how long to wait; and epoll_wait(), which, instead of waiting, lets that time pass.
// While there is no VirtualTime, time is real. One thread only. The programs of src/ know nothing of it.
#pragma once

#include <chrono>

namespace simplechat::sim {

// Time is virtual as long as this lives, and begins at `start`. One at a time.
class VirtualTime {
 public:
  explicit VirtualTime(std::chrono::steady_clock::time_point start);
  ~VirtualTime();
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;
};

}  // namespace simplechat::sim

// Time for a program that links this file: std::chrono::steady_clock stands still while there is anything to do, and
// jumps to the next timer when there is nothing. A simulated minute costs what happens in it, not a minute.
//
// Works by standing in for three functions, in the whole program: steady_clock::now(); timerfd_create(), which fails,
// so that Asio asks its timer queues how long to wait; and epoll_wait(), which, instead of waiting, lets that time
// pass. One thread only. The programs of src/ know nothing of it.
#pragma once

#include <chrono>

namespace simplechat::sim {

// From now on steady_clock begins again at `start`.
void begin_virtual_time(std::chrono::steady_clock::time_point start);

}  // namespace simplechat::sim

#include "chat/clock.h"

#include <chrono>
#include <ctime>

namespace simplechat::chat {

Timestamp system_wall_clock() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Timestamp system_elapsed() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);  // cannot fail with this clock
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::seconds(time.tv_sec) +
                                                               std::chrono::nanoseconds(time.tv_nsec))
      .count();
}

}  // namespace simplechat::chat

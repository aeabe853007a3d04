#include "chat/clock.h"

#include <chrono>

namespace simplechat::chat {

Timestamp system_wall_clock() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace simplechat::chat

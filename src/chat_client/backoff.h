// Full jitter: a wait of 0 to an exponential bound, so that clients that were lost together do not return together.
// Sans I/O; randomness is a parameter.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>

namespace simplechat::chat_client {

using Random = std::function<std::uint64_t()>;  // any 64 bits

// 0 to `max`, both included.
[[nodiscard]] inline std::chrono::milliseconds random_wait(std::chrono::milliseconds max, const Random& random) {
  return std::chrono::milliseconds(random() % (static_cast<std::uint64_t>(std::max<std::int64_t>(max.count(), 0)) + 1));
}

class FullJitter {
 public:
  static constexpr std::chrono::milliseconds kFirst{500};
  static constexpr std::chrono::milliseconds kMax{30'000};

  [[nodiscard]] std::chrono::milliseconds next(const Random& random) {
    constexpr int kDoublingsMax = 6;  // 500 ms times 2^6 is beyond kMax
    const auto bound = std::min(kMax, kFirst * (1 << std::min(attempts_, kDoublingsMax)));
    ++attempts_;
    return random_wait(bound, random);
  }
  // After a success.
  void reset() { attempts_ = 0; }

 private:
  int attempts_ = 0;
};

}  // namespace simplechat::chat_client

// How long to wait before trying again: doubling from 100 ms to 2 s, with jitter, so that a fleet does not come back in
// step.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace simplechat::adapters::rabbitmq {

class Backoff {
 public:
  [[nodiscard]] std::chrono::milliseconds next() {
    const auto limit = std::min(kFirst * (1 << std::min(attempts_++, 10)), kMax);
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::chrono::milliseconds::rep>(limit.count() / 2, limit.count())(random_));
  }
  void reset() { attempts_ = 0; }

 private:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::milliseconds kMax{2000};

  int attempts_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace simplechat::adapters::rabbitmq

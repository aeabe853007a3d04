// How long to wait before trying again: doubling, with jitter, so that a fleet does not come back in step.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace simplechat::runtime {

class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds first, Milliseconds max, std::uint32_t seed = std::random_device{}())
      : first_(first), max_(max), random_(seed) {}

  // Between half and the whole of a span that begins with `first` and doubles up to `max`.
  [[nodiscard]] Milliseconds next() {
    const Milliseconds span = std::min(max_, first_ * (1 << std::min(attempts_, kDoublingsMax)));
    ++attempts_;
    return Milliseconds(std::uniform_int_distribution<Milliseconds::rep>(span.count() / 2, span.count())(random_));
  }
  // After a success.
  void reset() { attempts_ = 0; }

 private:
  static constexpr int kDoublingsMax = 16;

  const Milliseconds first_;
  const Milliseconds max_;
  int attempts_ = 0;
  std::minstd_rand random_;
};

}  // namespace simplechat::runtime

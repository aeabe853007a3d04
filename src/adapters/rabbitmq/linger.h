// How long a body waits for more records while others are under way: as long as confirms take lately, within bounds.
//
// What a body costs the broker is its flush to disk, hardly what is in it. So the slower the broker is, the fewer and
// larger the bodies are that it gets, and what makes it slow ends by itself; a broker that is idle gets each record at
// once. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace simplechat::adapters::rabbitmq {

class Linger {
 public:
  using Microseconds = std::chrono::microseconds;

  Linger(Microseconds min, Microseconds max) : min_(min), max_(std::max(min, max)) {}

  // A body's confirm came so long after the body was sent.
  void confirmed_after(Microseconds time) { confirm_time_ += (time - confirm_time_) / kWeight; }

  [[nodiscard]] Microseconds time() const { return std::clamp(confirm_time_, min_, max_); }

 private:
  static constexpr int kWeight = 8;  // the latest confirm counts for one in so many

  Microseconds min_;
  Microseconds max_;
  Microseconds confirm_time_{0};  // smoothed
};

}  // namespace simplechat::adapters::rabbitmq

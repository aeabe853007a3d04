// The simulation's one source of chance. The same seed gives the same draws on every machine and with every library,
// which the standard's distributions do not promise.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace simplechat::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL) {}

  // SplitMix64 (Steele, Lea and Flood, 2014).
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  microseconds between(microseconds low, microseconds high) { return microseconds(between(low.count(), high.count())); }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(next() % from.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace simplechat::sim

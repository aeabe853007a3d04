// One seed: a cluster, its clients and its faults, run to the end and held against the guarantees.
#pragma once

#include <cstdint>
#include <vector>

#include "checks.h"
#include "world.h"

namespace simplechat::sim {

struct Outcome {
  std::vector<Violation> violations;  // none: the seed passes
  std::uint64_t trace_hash = 0;       // of everything that happened, in order
  Counts counts;                      // of what happened, by verb
  std::size_t messages = 0;           // stored
};

// The same options give the same outcome.
[[nodiscard]] Outcome run(const Options& options);

}  // namespace simplechat::sim

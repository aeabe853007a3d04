// The metrics that every service has, whatever it does: what it is, what it uses of the machine, and which of the
// things that it depends on are up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/dependency.h"
#include "runtime/metrics.h"

namespace simplechat::runtime {

// Upper bounds of a histogram of times: 0.5 ms to 10 s, finest where a person would not notice yet.
[[nodiscard]] const std::vector<double>& latency_bounds_s();
// Upper bounds of a histogram of how many rode together: powers of 4.
[[nodiscard]] const std::vector<double>& batch_bounds();

// build_info, start time, CPU, memory and open files; and dependency_up for each dependency that `readiness` has by
// now. Both references outlive the registry's last scrape.
void add_process_metrics(MetricsRegistry& metrics, const Readiness& readiness, std::string_view service);

// Of this build.
[[nodiscard]] std::string version();

}  // namespace simplechat::runtime

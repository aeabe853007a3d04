// What sv-discover counts, as verbs. One probe per reactor, written on its thread only; the scrape sums them up.
#pragma once

#include <cstddef>

#include "runtime/metrics.h"

namespace simplechat::sv_discover {

class Probe {
 public:
  explicit Probe(runtime::MetricsRegistry& metrics);

  void lease_renewed() { renewals_.add(); }
  void changes_applied(std::size_t count) { changes_.add(count); }
  void users_located(std::size_t count) { users_located_.add(count); }
  void round_started() { rounds_.add(); }
  void call_refused() { calls_refused_.add(); }

 private:
  runtime::Counter& renewals_;
  runtime::Counter& changes_;
  runtime::Counter& users_located_;
  runtime::Counter& rounds_;
  runtime::Counter& calls_refused_;
};

}  // namespace simplechat::sv_discover

// What sv-discover counts, as verbs. One probe per reactor, written on its thread only; the scrape sums them up.
#pragma once

#include <chrono>
#include <cstddef>

#include "runtime/metrics.h"

namespace simplechat::sv_discover {

class Probe {
 public:
  // `waiting_max`: users that may wait for the next round.
  Probe(runtime::MetricsRegistry& metrics, std::size_t waiting_max);

  void lease_renewed() { renewals_.add(); }
  void changes_applied(std::size_t count) { changes_.add(count); }
  void users_wait(std::size_t count) { waiting_.set(static_cast<std::int64_t>(count)); }
  void round_started(std::size_t users);
  void round_ended(std::chrono::steady_clock::duration took, bool answered);
  void call_refused() { calls_refused_.add(); }

 private:
  runtime::Counter& renewals_;
  runtime::Counter& changes_;
  runtime::Counter& users_located_;
  runtime::Counter& rounds_;
  runtime::Histogram& round_users_;
  runtime::Histogram& round_s_;
  runtime::Counter& rounds_failed_;
  runtime::Gauge& waiting_;
  runtime::Counter& calls_refused_;
};

}  // namespace simplechat::sv_discover

#include "sv_discover/probe.h"

#include "runtime/process_metrics.h"

namespace simplechat::sv_discover {

Probe::Probe(runtime::MetricsRegistry& metrics, std::size_t waiting_max)
    : renewals_(metrics.counter("lease_renewals_total", "Renewals of gateways' leases")),
      changes_(metrics.counter("record_changes_total", "Changes of users' records that were applied")),
      users_located_(metrics.counter("users_located_total", "Users that were looked up")),
      rounds_(metrics.counter("locate_rounds_total", "Joined look-ups that were sent to the directory")),
      round_users_(metrics.histogram("locate_round_users", "Users of a joined look-up", runtime::batch_bounds())),
      round_s_(
          metrics.histogram("locate_round_seconds", "How long a joined look-up took", runtime::latency_bounds_s())),
      rounds_failed_(metrics.counter("locate_rounds_failed_total", "Joined look-ups that were not answered")),
      waiting_(metrics.gauge("locate_waiting_users", "Users that wait for the next joined look-up")),
      calls_refused_(metrics.counter("calls_refused_total", "Requests that were answered with an error")) {
  metrics.gauge("locate_waiting_users_max", "Users that may wait for the next joined look-up")
      .set(static_cast<std::int64_t>(waiting_max));
}

void Probe::round_started(std::size_t users) {
  rounds_.add();
  users_located_.add(users);
  round_users_.observe(static_cast<double>(users));
  waiting_.set(0);
}

void Probe::round_ended(std::chrono::steady_clock::duration took, bool answered) {
  round_s_.observe(std::chrono::duration<double>(took).count());
  if (!answered) rounds_failed_.add();
}

}  // namespace simplechat::sv_discover

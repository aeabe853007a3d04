#include "sv_discover/probe.h"

namespace simplechat::sv_discover {

Probe::Probe(runtime::MetricsRegistry& metrics)
    : renewals_(metrics.counter("lease_renewals_total", "Renewals of gateways' leases")),
      changes_(metrics.counter("record_changes_total", "Changes of users' records that were applied")),
      users_located_(metrics.counter("users_located_total", "Users that were looked up")),
      rounds_(metrics.counter("locate_rounds_total", "Joined look-ups that were sent to the directory")),
      calls_refused_(metrics.counter("calls_refused_total", "Requests that were answered with an error")) {}

}  // namespace simplechat::sv_discover

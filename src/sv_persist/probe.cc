#include "sv_persist/probe.h"

namespace simplechat::sv_persist {
namespace {

constexpr const char* kQueries = "history_queries_total";
constexpr const char* kQueriesHelp = "History, conversations and sync requests";

}  // namespace

Probe::Probe(runtime::MetricsRegistry& metrics)
    : batches_stored_(metrics.counter("batches_stored_total", "Batches committed to the store")),
      records_stored_(metrics.counter("records_stored_total", "Messages and marks committed, repeats included")),
      retries_(metrics.counter("store_retries_total", "Batches tried again because store or queue did not answer")),
      records_set_aside_(metrics.counter("records_set_aside_total", "Records that the store refused: dead letters")),
      sources_lost_(metrics.counter("queue_connections_lost_total", "Connections to the queue that were lost")),
      settles_failed_(metrics.counter("settles_failed_total", "Stored batches that the queue will deliver again")),
      queries_answered_(metrics.counter(kQueries, kQueriesHelp, {{"outcome", "answered"}})),
      queries_refused_(metrics.counter(kQueries, kQueriesHelp, {{"outcome", "refused"}})),
      queries_failed_(metrics.counter(kQueries, kQueriesHelp, {{"outcome", "failed"}})) {}

}  // namespace simplechat::sv_persist

#include "sv_persist/probe.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/process_metrics.h"

namespace simplechat::sv_persist {
namespace {

constexpr const char* kQueries = "history_queries_total";
constexpr const char* kQueriesHelp = "History, conversations and sync requests";

// In seconds. Wider than latencies': the queue may hold what the store missed for an hour.
const std::vector<double> kLagBoundsS{0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800};

}  // namespace

Probe::Probe(runtime::MetricsRegistry& metrics, std::function<chat::Timestamp()> wall_clock)
    : wall_clock_(std::move(wall_clock)),
      batches_stored_(metrics.counter("batches_stored_total", "Batches committed to the store")),
      records_stored_(metrics.counter("records_stored_total", "Messages and marks committed, repeats included")),
      batch_records_(metrics.histogram("store_batch_records", "Records of one transaction", runtime::batch_bounds())),
      commit_s_(metrics.histogram("store_seconds", "From handing a batch to the store to its commit",
                                  runtime::latency_bounds_s())),
      stored_s_(metrics.histogram("accept_to_stored_seconds",
                                  "From accepting a message, by its `at`, to its commit, by this machine's wall clock",
                                  kLagBoundsS)),
      retries_(metrics.counter("store_retries_total", "Batches tried again because store or queue did not answer")),
      records_set_aside_(metrics.counter("records_set_aside_total", "Records that the store refused: dead letters")),
      sources_lost_(metrics.counter("queue_connections_lost_total",
                                    "Connections to the queue that were lost, or could not be made")),
      settles_failed_(metrics.counter("settles_failed_total", "Stored batches that the queue will deliver again")),
      query_s_(metrics.histogram("query_seconds", "How long a history, conversations or sync request took",
                                 runtime::latency_bounds_s())),
      queries_answered_(metrics.counter(kQueries, kQueriesHelp, {{"outcome", "answered"}})),
      queries_refused_(metrics.counter(kQueries, kQueriesHelp, {{"outcome", "refused"}})),
      queries_failed_(metrics.counter(kQueries, kQueriesHelp, {{"outcome", "failed"}})) {}

void Probe::batch_stored(const chat::RecordBatch& batch, std::chrono::steady_clock::duration took) {
  batches_stored_.add();
  records_stored_.add(batch.size());
  batch_records_.observe(static_cast<double>(batch.size()));
  commit_s_.observe(std::chrono::duration<double>(took).count());
  const chat::Timestamp now = wall_clock_();
  for (const chat::MessageView& message : batch.messages) {
    const chat::Timestamp age_us = std::max<chat::Timestamp>(0, now - message.at);  // the clocks may differ
    stored_s_.observe(static_cast<double>(age_us) / 1e6);
  }
}

}  // namespace simplechat::sv_persist

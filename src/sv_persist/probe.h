// What the writer and the history endpoints count, as verbs. One probe per reactor, written on its thread only; the
// scrape sums them up.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "chat/clock.h"
#include "chat/records.h"
#include "runtime/metrics.h"

namespace simplechat::sv_persist {

class Probe {
 public:
  // `wall_clock`: by which the age of what was stored is told.
  explicit Probe(runtime::MetricsRegistry& metrics,
                 std::function<chat::Timestamp()> wall_clock = chat::system_wall_clock);

  // `took`: from handing the batch to the store to its commit.
  void batch_stored(const chat::RecordBatch& batch, std::chrono::steady_clock::duration took);
  void retried() { retries_.add(); }
  void records_set_aside(std::size_t records) { records_set_aside_.add(records); }
  void source_lost() { sources_lost_.add(); }
  void settle_failed() { settles_failed_.add(); }

  void query_took(std::chrono::steady_clock::duration took) {
    query_s_.observe(std::chrono::duration<double>(took).count());
  }
  void query_answered() { queries_answered_.add(); }
  void query_refused() { queries_refused_.add(); }
  void query_failed() { queries_failed_.add(); }

 private:
  const std::function<chat::Timestamp()> wall_clock_;
  runtime::Counter& batches_stored_;
  runtime::Counter& records_stored_;
  runtime::Histogram& batch_records_;
  runtime::Histogram& commit_s_;
  runtime::Histogram& stored_s_;
  runtime::Counter& retries_;
  runtime::Counter& records_set_aside_;
  runtime::Counter& sources_lost_;
  runtime::Counter& settles_failed_;
  runtime::Histogram& query_s_;
  runtime::Counter& queries_answered_;
  runtime::Counter& queries_refused_;
  runtime::Counter& queries_failed_;
};

}  // namespace simplechat::sv_persist

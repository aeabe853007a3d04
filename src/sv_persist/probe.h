// What the writer and the history endpoints count, as verbs. One probe per reactor, written on its thread only; the
// scrape sums them up.
#pragma once

#include <cstddef>

#include "runtime/metrics.h"

namespace simplechat::sv_persist {

class Probe {
 public:
  explicit Probe(runtime::MetricsRegistry& metrics);

  void batch_stored(std::size_t records) {
    batches_stored_.add();
    records_stored_.add(records);
  }
  void retried() { retries_.add(); }
  void records_set_aside(std::size_t records) { records_set_aside_.add(records); }
  void source_lost() { sources_lost_.add(); }
  void settle_failed() { settles_failed_.add(); }

  void query_answered() { queries_answered_.add(); }
  void query_refused() { queries_refused_.add(); }
  void query_failed() { queries_failed_.add(); }

 private:
  runtime::Counter& batches_stored_;
  runtime::Counter& records_stored_;
  runtime::Counter& retries_;
  runtime::Counter& records_set_aside_;
  runtime::Counter& sources_lost_;
  runtime::Counter& settles_failed_;
  runtime::Counter& queries_answered_;
  runtime::Counter& queries_refused_;
  runtime::Counter& queries_failed_;
};

}  // namespace simplechat::sv_persist

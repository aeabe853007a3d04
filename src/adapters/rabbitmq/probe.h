// What one producer counts, as verbs. Written on the producer's thread only; the scrape sums the producers up.
#pragma once

#include <chrono>
#include <cstddef>

#include "runtime/metrics.h"

namespace simplechat::adapters::rabbitmq {

class ProducerProbe {
 public:
  explicit ProducerProbe(runtime::MetricsRegistry& metrics);

  void body_sent(std::size_t records, std::size_t bytes) {
    records_.observe(static_cast<double>(records));
    bytes_.add(bytes);
    unconfirmed_.add(1);
  }
  // `count` bodies were confirmed or refused; the latest of them was sent so long ago.
  void bodies_ended(std::size_t count, std::chrono::steady_clock::duration after, bool confirmed) {
    confirm_s_.observe(std::chrono::duration<double>(after).count(), count);
    if (!confirmed) refused_.add(count);
    unconfirmed_.add(-static_cast<std::int64_t>(count));
  }
  void connection_lost() {
    reconnects_.add();
    unconfirmed_.set(0);
  }

 private:
  runtime::Histogram& records_;
  runtime::Counter& bytes_;
  runtime::Histogram& confirm_s_;
  runtime::Counter& refused_;
  runtime::Gauge& unconfirmed_;
  runtime::Counter& reconnects_;
};

}  // namespace simplechat::adapters::rabbitmq

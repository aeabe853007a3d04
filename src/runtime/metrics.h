// Numbers about the process, for GET /metrics in the Prometheus text format.
//
// A metric is written by one thread, its reactor's or its worker's, and read by whichever reactor serves the scrape:
// writing is a plain load and store, without a locked instruction. So each reactor registers its own instances; those
// of the same name and labels are summed at the scrape.
//
// Owner: main(). The registry outlives everything that writes into its metrics. Registering is for wiring, before other
// threads run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http.h"

namespace simplechat::runtime {

// Only ever rises.
class Counter {
 public:
  void add(std::uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t change) { set(value() + change); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_ = 0;
};

// Counts observations in buckets of fixed upper bounds (inclusive, ascending); what is above the last falls into +Inf.
class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);

  // `count` observations of the same value.
  void observe(double value, std::uint64_t count = 1);

  [[nodiscard]] const std::vector<double>& upper_bounds() const { return upper_bounds_; }
  // Of bucket `index`, not cumulative; the index upper_bounds().size() is +Inf.
  [[nodiscard]] std::uint64_t count(std::size_t index) const { return counts_[index].value(); }
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> upper_bounds_;
  std::vector<Counter> counts_;
  std::atomic<double> sum_ = 0;
};

class MetricsRegistry {
 public:
  using Labels = std::map<std::string, std::string>;

  // A new instance each time. `name` gets the prefix simplechat_, unless it begins with process_: those names are
  // Prometheus' own. It is [a-zA-Z0-9_]+; counters' names end in _total, and names end in their unit (_seconds,
  // _bytes). Throws std::logic_error if the name is malformed or known with another type, help or other bounds.
  [[nodiscard]] Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  [[nodiscard]] Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  [[nodiscard]] Histogram& histogram(std::string_view name, std::string_view help,
                                     const std::vector<double>& upper_bounds, const Labels& labels = {});

  // A gauge or counter whose value is asked for by each scrape: what the process can look up at any time need not be
  // kept. `read` is called on the scraping reactor, must be thread-safe and not block.
  using Read = std::function<double()>;
  void gauge_of(std::string_view name, std::string_view help, Read read, const Labels& labels = {});
  void counter_of(std::string_view name, std::string_view help, Read read, const Labels& labels = {});

  // Prometheus text exposition format, version 0.0.4. Thread-safe once wiring is over.
  [[nodiscard]] std::string scrape() const;

 private:
  enum class Type : std::uint8_t { counter, gauge, histogram };
  struct Instances {
    std::deque<Counter> counters;
    std::deque<Gauge> gauges;
    std::deque<Histogram> histograms;
    std::vector<Read> reads;  // of a counter or gauge
  };
  struct Family {
    Type type;
    std::string help;
    std::vector<double> upper_bounds;  // of histograms
    std::map<Labels, Instances> by_labels;
  };

  Instances& instances(std::string_view name, Type type, std::string_view help, const Labels& labels,
                       const std::vector<double>& upper_bounds = {});

  std::map<std::string, Family> families_;  // by name, with the prefix
};

// The answer to GET /metrics.
[[nodiscard]] HttpResponse metrics_response(const MetricsRegistry& registry);

}  // namespace simplechat::runtime

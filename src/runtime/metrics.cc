#include "runtime/metrics.h"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace simplechat::runtime {
namespace {

bool is_metric_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

prometheus::ClientMetric::Histogram sum_up(const std::vector<double>& upper_bounds,
                                           const std::deque<Histogram>& instances) {
  prometheus::ClientMetric::Histogram sum;
  for (std::size_t i = 0; i <= upper_bounds.size(); ++i) {
    for (const Histogram& instance : instances) sum.sample_count += instance.count(i);
    const double bound = i < upper_bounds.size() ? upper_bounds[i] : std::numeric_limits<double>::infinity();
    sum.bucket.push_back({.cumulative_count = sum.sample_count, .upper_bound = bound});
  }
  for (const Histogram& instance : instances) sum.sample_sum += instance.sum();
  return sum;
}

}  // namespace

Histogram::Histogram(std::vector<double> upper_bounds)
    : upper_bounds_(std::move(upper_bounds)), counts_(upper_bounds_.size() + 1) {}

void Histogram::observe(double value, std::uint64_t count) {
  const auto bucket = std::ranges::lower_bound(upper_bounds_, value) - upper_bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].add(count);
  sum_.store(sum() + value * static_cast<double>(count), std::memory_order_relaxed);
}

Counter& MetricsRegistry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return instances(name, Type::counter, help, labels).counters.emplace_back();
}

Gauge& MetricsRegistry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return instances(name, Type::gauge, help, labels).gauges.emplace_back();
}

Histogram& MetricsRegistry::histogram(std::string_view name, std::string_view help,
                                      const std::vector<double>& upper_bounds, const Labels& labels) {
  return instances(name, Type::histogram, help, labels, upper_bounds).histograms.emplace_back(upper_bounds);
}

void MetricsRegistry::gauge_of(std::string_view name, std::string_view help, Read read, const Labels& labels) {
  instances(name, Type::gauge, help, labels).reads.push_back(std::move(read));
}

void MetricsRegistry::counter_of(std::string_view name, std::string_view help, Read read, const Labels& labels) {
  instances(name, Type::counter, help, labels).reads.push_back(std::move(read));
}

MetricsRegistry::Instances& MetricsRegistry::instances(std::string_view name, Type type, std::string_view help,
                                                       const Labels& labels, const std::vector<double>& upper_bounds) {
  if (!is_metric_name(name)) throw std::logic_error(fmt::format("metric {}: not a metric's name", name));
  if (!std::ranges::is_sorted(upper_bounds, std::ranges::less_equal{})) {
    throw std::logic_error(fmt::format("metric {}: the bounds do not ascend", name));
  }
  const auto [place, is_new] =
      families_.try_emplace(name.starts_with("process_") ? std::string(name) : fmt::format("simplechat_{}", name));
  Family& family = place->second;
  if (is_new) {
    family = {.type = type, .help = std::string(help), .upper_bounds = upper_bounds, .by_labels = {}};
  } else if (family.type != type || family.help != help || family.upper_bounds != upper_bounds) {
    throw std::logic_error(fmt::format("metric {}: registered before with another type, help or other bounds", name));
  }
  return family.by_labels[labels];
}

std::string MetricsRegistry::scrape() const {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& [name, family] : families_) {
    prometheus::MetricFamily& written = families.emplace_back();
    written.name = name;
    written.help = family.help;
    for (const auto& [labels, instances] : family.by_labels) {
      prometheus::ClientMetric& metric = written.metric.emplace_back();
      for (const auto& [label, value] : labels) metric.label.push_back({label, value});
      switch (family.type) {
        case Type::counter:
          written.type = prometheus::MetricType::Counter;
          for (const Counter& one : instances.counters) metric.counter.value += static_cast<double>(one.value());
          for (const Read& read : instances.reads) metric.counter.value += read();
          break;
        case Type::gauge:
          written.type = prometheus::MetricType::Gauge;
          for (const Gauge& one : instances.gauges) metric.gauge.value += static_cast<double>(one.value());
          for (const Read& read : instances.reads) metric.gauge.value += read();
          break;
        case Type::histogram:
          written.type = prometheus::MetricType::Histogram;
          metric.histogram = sum_up(family.upper_bounds, instances.histograms);
          break;
      }
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

HttpResponse metrics_response(const MetricsRegistry& registry) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = registry.scrape()};
}

}  // namespace simplechat::runtime

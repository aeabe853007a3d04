#include "runtime/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, InstancesOfOneFamilyAreSummed) {
  MetricsRegistry registry;
  Counter& first = registry.counter("frames_total", "Frames.");
  Counter& second = registry.counter("frames_total", "Frames.");
  EXPECT_NE(&first, &second);
  first.add(2);
  second.add();
  Gauge& gauge = registry.gauge("sessions", "Sessions.");
  Gauge& other = registry.gauge("sessions", "Sessions.");
  gauge.set(10);
  other.add(-3);
  const std::string text = registry.scrape();
  EXPECT_THAT(text, HasSubstr("# HELP simplechat_frames_total Frames.\n# TYPE simplechat_frames_total "
                              "counter\nsimplechat_frames_total 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE simplechat_sessions gauge\nsimplechat_sessions 7\n"));
}

TEST(Metrics, LabelsKeepSeriesApart) {
  MetricsRegistry registry;
  registry.counter("closed_total", "Closed.", {{"code", "4008"}}).add(1);
  registry.counter("closed_total", "Closed.", {{"code", "1001"}}).add(2);
  registry.counter("closed_total", "Closed.", {{"code", "1001"}}).add(3);
  const std::string text = registry.scrape();
  EXPECT_THAT(text, HasSubstr("simplechat_closed_total{code=\"4008\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("simplechat_closed_total{code=\"1001\"} 5\n"));
  EXPECT_EQ(text.find("# HELP"), text.rfind("# HELP"));
}

TEST(Metrics, HistogramsAreCumulativeAndSummed) {
  MetricsRegistry registry;
  Histogram& first = registry.histogram("wait_seconds", "Waits.", {0.1, 1});
  Histogram& second = registry.histogram("wait_seconds", "Waits.", {0.1, 1});
  first.observe(0.05);
  first.observe(0.1);  // a bound belongs to its bucket
  second.observe(0.5);
  second.observe(8);
  const std::string text = registry.scrape();
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_bucket{le=\"0.1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_count 4\n"));
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_sum 8.65"));
}

TEST(Metrics, AHistogramTakesManyOfOneValue) {
  MetricsRegistry registry;
  registry.histogram("wait_seconds", "Time waited.", {0.1, 1}).observe(0.5, 40);
  const std::string text = registry.scrape();
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_bucket{le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_bucket{le=\"1\"} 40\n"));
  EXPECT_THAT(text, HasSubstr("simplechat_wait_seconds_sum 20\n"));
}

TEST(Metrics, AsksForValuesAtTheScrape) {
  MetricsRegistry registry;
  double depth = 1.5;
  registry.gauge_of("depth", "Depth.", [&depth] { return depth; });
  registry.counter_of("process_things_total", "Things.", [] { return 3.25; });
  EXPECT_THAT(registry.scrape(), HasSubstr("simplechat_depth 1.5\n"));
  depth = 2;
  EXPECT_THAT(registry.scrape(), HasSubstr("simplechat_depth 2\n"));
  EXPECT_THAT(registry.scrape(), HasSubstr("\nprocess_things_total 3.25\n"));
}

TEST(Metrics, LargeCountsKeepTheirDigits) {
  MetricsRegistry registry;
  registry.counter("large_total", "Large.").add(123'456'789'012);
  EXPECT_THAT(registry.scrape(), HasSubstr("simplechat_large_total 123456789012\n"));
}

TEST(Metrics, ConflictsEndStartUp) {
  MetricsRegistry registry;
  (void)registry.counter("a_total", "A.");
  EXPECT_THROW((void)registry.gauge("a_total", "A."), std::logic_error);
  EXPECT_THROW((void)registry.counter("a_total", "B."), std::logic_error);
  (void)registry.histogram("h", "H.", {1, 2});
  EXPECT_THROW((void)registry.histogram("h", "H.", {1, 3}), std::logic_error);
  EXPECT_THROW((void)registry.histogram("i", "I.", {2, 1}), std::logic_error);
  EXPECT_THROW((void)registry.counter("a-b", "A."), std::logic_error);
  EXPECT_THROW((void)registry.counter("", "A."), std::logic_error);
}

TEST(Metrics, AreWrittenWhileTheyAreScraped) {
  constexpr std::uint64_t kCount = 100'000;
  MetricsRegistry registry;
  Counter& first = registry.counter("events_total", "Events.");
  Counter& second = registry.counter("events_total", "Events.");
  Histogram& histogram = registry.histogram("size_bytes", "Sizes.", {1});
  std::jthread writer([&] {
    for (std::uint64_t i = 0; i < kCount; ++i) first.add();
  });
  std::jthread other([&] {
    for (std::uint64_t i = 0; i < kCount; ++i) second.add();
    histogram.observe(1);
  });
  for (int i = 0; i < 20; ++i) EXPECT_THAT(registry.scrape(), HasSubstr("simplechat_events_total "));
  writer.join();
  other.join();
  EXPECT_THAT(registry.scrape(), HasSubstr("simplechat_events_total 200000\n"));
}

TEST(Metrics, ResponseNamesTheFormat) {
  MetricsRegistry registry;
  (void)registry.counter("a_total", "A.");
  const HttpResponse response = metrics_response(registry);
  EXPECT_EQ(response.status, 200U);
  EXPECT_THAT(response.content_type, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("simplechat_a_total 0"));
}

}  // namespace
}  // namespace simplechat::runtime

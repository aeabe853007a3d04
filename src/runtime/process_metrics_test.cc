#include "runtime/process_metrics.h"

#include <gmock/gmock.h>

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;

double value_of(const std::string& scrape, const std::string& sample) {
  const std::size_t at = scrape.find("\n" + sample + " ");
  return at == std::string::npos ? -1 : std::stod(scrape.substr(at + sample.size() + 2));
}

TEST(ProcessMetrics, TellWhatTheProcessUses) {
  MetricsRegistry metrics;
  const Readiness readiness;
  add_process_metrics(metrics, readiness, "sv-test");
  const std::string text = metrics.scrape();
  EXPECT_THAT(text, HasSubstr("simplechat_build_info{service=\"sv-test\",version=\"" + version() + "\"} 1\n"));
  EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 100'000);
  EXPECT_GE(value_of(text, "process_open_fds"), 3);
  EXPECT_GE(value_of(text, "process_max_fds"), value_of(text, "process_open_fds"));
  EXPECT_GT(value_of(text, "process_start_time_seconds"), 1.7e9);
  EXPECT_GE(value_of(text, "process_cpu_seconds_total"), 0);
}

TEST(ProcessMetrics, FollowTheDependencies) {
  MetricsRegistry metrics;
  Readiness readiness;
  Dependency& redis = readiness.add("redis");
  add_process_metrics(metrics, readiness, "sv-test");
  const std::string sample = "simplechat_dependency_up{dependency=\"redis\"}";
  EXPECT_EQ(value_of(metrics.scrape(), sample), 0);
  redis.up();
  EXPECT_EQ(value_of(metrics.scrape(), sample), 1);
  redis.down("gone");
  EXPECT_EQ(value_of(metrics.scrape(), sample), 0);
  EXPECT_EQ(value_of(metrics.scrape(), "simplechat_draining"), 0);
  readiness.start_draining();
  EXPECT_EQ(value_of(metrics.scrape(), "simplechat_draining"), 1);
}

}  // namespace
}  // namespace simplechat::runtime

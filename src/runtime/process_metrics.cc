#include "runtime/process_metrics.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <system_error>

namespace simplechat::runtime {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_s() {
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime) : 0;
}

// The second field of /proc/self/statm is in pages; see proc(5).
double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return statm ? resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

// Since Linux 6.2 the size of that directory is the number of the process's open files. Before, they must be counted,
// which a scrape has time for only up to a bound: beyond it the number is not known.
double open_fds() {
  constexpr char kDirectory[] = "/proc/self/fd";
  constexpr double kCountedMax = 20'000;
  struct stat status{};
  if (stat(kDirectory, &status) == 0 && status.st_size > 0) return static_cast<double>(status.st_size);
  double count = -1;  // its own
  std::error_code error;
  for (std::filesystem::directory_iterator entry(kDirectory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (++count > kCountedMax) return std::numeric_limits<double>::quiet_NaN();
  }
  return count;
}

double max_fds() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

const std::vector<double>& latency_bounds_s() {
  static const std::vector<double> bounds{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};
  return bounds;
}

const std::vector<double>& batch_bounds() {
  static const std::vector<double> bounds{1, 4, 16, 64, 256, 1024, 4096, 16384};
  return bounds;
}

void add_process_metrics(MetricsRegistry& metrics, const Readiness& readiness, std::string_view service) {
  metrics
      .gauge("build_info", "1, with what this program is", {{"service", std::string(service)}, {"version", version()}})
      .set(1);
  const double started = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  metrics.gauge_of("process_start_time_seconds", "When the process started, since the Unix epoch",
                   [started] { return started; });
  metrics.counter_of("process_cpu_seconds_total", "CPU time used, in user space and in the kernel", cpu_s);
  metrics.gauge_of("process_resident_memory_bytes", "Memory that the process holds", resident_bytes);
  metrics.gauge_of("process_open_fds", "Open file descriptors", open_fds);
  metrics.gauge_of("process_max_fds", "How many file descriptors may be open", max_fds);
  for (std::size_t index = 0; index < readiness.size(); ++index) {
    const Dependency& dependency = readiness[index];
    metrics.gauge_of("dependency_up", "1 while what this service depends on answers it, else 0",
                     [&dependency] { return dependency.state().up ? 1.0 : 0.0; }, {{"dependency", dependency.name()}});
  }
  metrics.gauge_of("draining", "1 from the moment when the service was told to stop",
                   [&readiness] { return readiness.draining() ? 1.0 : 0.0; });
}

std::string version() { return SIMPLECHAT_VERSION; }

}  // namespace simplechat::runtime

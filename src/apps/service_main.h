// What the mains of all services share: options for logging and exposure, and the frame around start and stop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "runtime/config.h"
#include "runtime/config_sources.h"
#include "runtime/log.h"
#include "runtime/signals.h"

namespace simplechat::apps {

struct LogOptions {
  runtime::log::Format format;
  runtime::log::Level level;
  std::uint32_t trace_sample;
};
void declare(runtime::Options& options, LogOptions& log);

// The secret that services show one another: given itself, or by a file that holds it.
struct ClusterSecret {
  std::string text;
  std::string file;

  // The secret, empty if there is none. Throws std::runtime_error naming the file if it can't be read.
  [[nodiscard]] std::string read() const;
};
void declare(runtime::Options& options, ClusterSecret& secret);

// A rule: beyond loopback a service that others call needs a cluster secret, or the authorities of their certificates.
void declare_exposure_rule(runtime::Options& options, const std::string& host, const ClusterSecret& secret,
                           const std::string& client_authorities);

// A rule: `parse`, which returns a std::expected with one sentence as its error, can read the option's URL.
template <class Parse>
void declare_url_rule(runtime::Options& options, std::string name, const std::string& url, Parse parse) {
  options.rule([name = std::move(name), &url, parse]() -> std::optional<std::string> {
    const auto parsed = parse(url);
    if (parsed) return std::nullopt;
    return name + " " + runtime::mask_url(url) + ": " + parsed.error();
  });
}

// The content of a file without the line end at its end. Throws std::runtime_error naming the file.
[[nodiscard]] std::string read_file(const std::string& path);

[[nodiscard]] bool is_loopback(const std::string& host);

// One run of a process: unique among all runs, and a later run of the same gateway sorts after an earlier one.
[[nodiscard]] std::string make_incarnation();

// Prepares the process and the log, and calls `run`. What it throws while starting becomes one line on stderr and exit
// code 1.
int service_main(const std::string& service, const LogOptions& log,
                 const std::function<void(runtime::StopSignal&)>& run);

}  // namespace simplechat::apps

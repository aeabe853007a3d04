#include "apps/service_main.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <stdexcept>

#include "runtime/trace.h"

namespace simplechat::apps {

using runtime::log::Format;
using runtime::log::Level;

void declare(runtime::Options& options, LogOptions& log) {
  options.one_of<Format>("log-format", log.format, Format::console,
                         {{"console", Format::console}, {"json", Format::json}}, "how log lines look");
  options.one_of<Level>(
      "log-level", log.level, Level::info,
      {{"debug", Level::debug}, {"info", Level::info}, {"warn", Level::warn}, {"error", Level::error}},
      "the least urgent events that are logged");
  options.integer<std::uint32_t>("trace-sample", log.trace_sample, 0, {0, 1'000'000'000},
                                 "one in so many messages is logged on its way; 0: none");
}

void declare(runtime::Options& options, ClusterSecret& secret) {
  options.secret("cluster-secret", secret.text, "what services show one another as a bearer token");
  options.text("cluster-secret-file", secret.file, "", "file that holds the cluster secret");
  options.rule([&secret]() -> std::optional<std::string> {
    if (secret.text.empty() || secret.file.empty()) return std::nullopt;
    return "cluster-secret, cluster-secret-file: give one of them";
  });
}

void declare_exposure_rule(runtime::Options& options, const std::string& host, const ClusterSecret& secret,
                           const std::string& client_authorities) {
  options.rule([&host, &secret, &client_authorities]() -> std::optional<std::string> {
    if (is_loopback(host) || !secret.text.empty() || !secret.file.empty() || !client_authorities.empty())
      return std::nullopt;
    return fmt::format("host {}: an address beyond loopback needs cluster-secret, cluster-secret-file or tls-client-ca",
                       host);
  });
}

std::string ClusterSecret::read() const { return file.empty() ? text : read_file(file); }

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(stream), {}};
  if (!stream || content.empty()) throw std::runtime_error(fmt::format("{}: cannot be read, or is empty", path));
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  return content;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string make_incarnation() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("{:011x}.{:08x}", std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                     std::random_device{}());
}

int service_main(const std::string& service, const LogOptions& log,
                 const std::function<void(runtime::StopSignal&)>& run) {
  try {
    runtime::StopSignal stop_signal;
    runtime::log::configure(log.format, log.level, service);
    runtime::trace::configure(log.trace_sample);
    runtime::raise_open_files_limit();
    run(stop_signal);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << service << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace simplechat::apps

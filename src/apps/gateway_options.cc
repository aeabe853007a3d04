#include "apps/gateway_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/signals.h"

namespace simplechat::apps {
namespace {

constexpr std::uint16_t kApiPort = 3002;
constexpr std::uint16_t kWsPort = 8082;
// Kept free of users' connections: a gateway without file descriptors could not be reached by the others, nor reach
// them. Where few may be open, half of them.
constexpr std::size_t kOtherFilesMax = 512;

std::size_t connections_max() {
  const std::size_t files = runtime::raise_open_files_limit();
  return files - std::min(kOtherFilesMax, files / 2);
}

std::optional<std::string> check_exposure(const GatewaySettings& settings) {
  if (settings.auth.kind != AuthKind::none || !settings.auth.hook_connect_url.empty() || settings.insecure ||
      is_loopback(settings.host))
    return std::nullopt;
  return fmt::format(
      "host {}: with --auth none anybody who reaches it can speak for anybody; use --auth jwt, or --insecure if that "
      "is meant",
      settings.host);
}

}  // namespace

void declare(runtime::Options& options, GatewaySettings& settings) {
  options.text("host", settings.host, "127.0.0.1", "address to listen on");
  options.port("api-port", settings.api_port, kApiPort, "port of the API, the client page and /ws").alias("apiPort");
  options.port("ws-port", settings.ws_port, kWsPort, "port of the WebSocket listener").alias("wsPort");
  options.integer<unsigned>("threads", settings.threads, 0, {0, runtime::kReactorsMax}, "reactors; 0: one per core");
  options.duration_ms("drain-ms", settings.drain, std::chrono::milliseconds(500),
                      {std::chrono::milliseconds(0), std::chrono::milliseconds(600'000)},
                      "between telling clients of a shutdown and closing them");
  declare(options, settings.auth);
  options.flag("insecure", settings.insecure, "allow --auth none on an address beyond loopback");
  declare(options, settings.limits);
  declare(options, settings.cluster_secret);
  declare(options, settings.tls);
  declare(options, settings.log);
  options.rule([&settings] { return check_exposure(settings); });
}

sv_websocket::GatewayOptions gateway_options(const GatewaySettings& settings, std::string public_url,
                                             std::chrono::milliseconds lease, runtime::TlsContext* tls) {
  return {
      .host = settings.host,
      .api_port = settings.api_port,
      .ws_port = settings.ws_port,
      .public_url = std::move(public_url),
      .incarnation = make_incarnation(),
      .lease = lease,
      .drain = settings.drain,
      .connections_max = connections_max(),
      .access = {.cluster_secret = settings.cluster_secret.read(), .open_without_secret = is_loopback(settings.host)},
      .limits = settings.limits.limits,
      .admission = settings.limits.admission(),
      .tls = tls};
}

}  // namespace simplechat::apps

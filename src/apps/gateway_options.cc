#include "apps/gateway_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/signals.h"
#include "sv_websocket/admin_endpoints.h"

namespace simplechat::apps {
namespace {

constexpr std::uint16_t kApiPort = 3002;
constexpr std::uint16_t kWsPort = 8082;
constexpr std::int64_t kHstsMaxAgeS = 31'536'000;     // a year
constexpr std::int64_t kHstsMaxAgeMaxS = 63'072'000;  // two
// Kept free of users' connections: a gateway without file descriptors could not be reached by the others, nor reach
// them. Where few may be open, half of them.
constexpr std::size_t kOtherFilesMax = 512;

std::size_t connections_max() {
  const std::size_t files = runtime::raise_open_files_limit();
  return files - std::min(kOtherFilesMax, files / 2);
}

std::optional<std::string> check_exposure(const GatewaySettings& settings) {
  if (settings.auth.kind != AuthKind::none || !settings.hooks.connect_url.empty() || settings.insecure ||
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
                      "over how long a stopping gateway sends its clients away, if drain-seconds is 0");
  options.integer<std::int64_t>("drain-seconds", settings.drain_seconds, 0, {0, 3600},
                                "over how long a stopping gateway sends its clients away; 0: drain-ms counts");
  declare(options, settings.auth);
  declare(options, settings.hooks, settings.auth);
  options.flag("insecure", settings.insecure, "allow --auth none on an address beyond loopback");
  declare(options, settings.limits);
  declare(options, settings.cluster_secret);
  declare(options, settings.tls);
  declare(options, settings.admin);
  declare_authorities(options, settings.tls);
  options.integer<std::int64_t>(
      "hsts-max-age-s", settings.hsts_max_age_s, kHstsMaxAgeS, {0, kHstsMaxAgeMaxS},
      "with tls-cert: for how long browsers are to come to this host by TLS only; 0: not told");
  options.text("internal-host", settings.internal_host, "127.0.0.1", "address of the listener for services");
  options.integer<std::uint16_t>("internal-port", settings.internal_port, 0, {0, 65535},
                                 "port of /send and /v1/deliver, if they shall not be on the API port");
  options.rule([&settings]() -> std::optional<std::string> {
    if (settings.tls.client_authorities.empty() || settings.internal_port != 0) return std::nullopt;
    return "tls-client-ca: needs internal-port, as users who come to the API port have no certificates";
  });
  declare(options, settings.log);
  options.rule([&settings] { return check_exposure(settings); });
}

std::function<void(runtime::HttpRoutes&, sv_websocket::Gateway&)> admin_routes(const AdminApi& admin) {
  return [&admin](runtime::HttpRoutes& routes, sv_websocket::Gateway& gateway) {
    admin.add_to(routes, [&gateway](runtime::GuardedRoutes& guarded) { add_admin_endpoints(guarded, gateway); });
  };
}

void listen(AdminApi& admin, runtime::Reactor& reactor, const std::string& host, sv_websocket::Gateway& gateway) {
  admin.listen(reactor, host, [&gateway](runtime::GuardedRoutes& guarded) { add_admin_endpoints(guarded, gateway); });
}

std::string internal_url(const GatewaySettings& settings) {
  const bool own = settings.internal_port != 0;
  return fmt::format("{}://{}:{}", settings.tls.certificate.empty() ? "http" : "https",
                     own ? settings.internal_host : settings.host, own ? settings.internal_port : settings.api_port);
}

sv_websocket::GatewayOptions gateway_options(const GatewaySettings& settings, std::string public_url,
                                             std::chrono::milliseconds lease, const Tls& tls) {
  std::optional<sv_websocket::InternalListener> internal;
  if (settings.internal_port != 0) {
    internal = {.host = settings.internal_host, .port = settings.internal_port, .tls = tls.for_services()};
  }
  const std::string& reached_at = internal ? settings.internal_host : settings.host;
  const bool open = is_loopback(reached_at) || !settings.tls.client_authorities.empty();
  return {.host = settings.host,
          .api_port = settings.api_port,
          .ws_port = settings.ws_port,
          .public_url = std::move(public_url),
          .incarnation = make_incarnation(),
          .lease = lease,
          .drain = settings.drain_seconds > 0 ? std::chrono::seconds(settings.drain_seconds) : settings.drain,
          .connections_max = connections_max(),
          .access = {.cluster_secret = settings.cluster_secret.read(), .open_without_secret = open},
          .limits = settings.limits.limits,
          .admission = settings.limits.admission(),
          .tls = tls.for_users(),
          .hsts_max_age = std::chrono::seconds(settings.hsts_max_age_s),
          .internal = std::move(internal),
          .add_api_routes = {}};
}

}  // namespace simplechat::apps

// The options that both programs with a gateway in them have: sv-websocket and simplechat serve.
#pragma once

#include <cstdint>
#include <string>

#include "apps/admin_api.h"
#include "apps/auth_options.h"
#include "apps/hook_options.h"
#include "apps/limit_options.h"
#include "apps/service_main.h"
#include "apps/tls_options.h"
#include "runtime/config.h"
#include "sv_websocket/gateway.h"

namespace simplechat::apps {

struct GatewaySettings {
  std::string host;
  std::uint16_t api_port;
  std::uint16_t ws_port;
  unsigned threads;
  std::chrono::milliseconds drain;
  std::int64_t drain_seconds;
  AuthSettings auth;
  HookSettings hooks;
  bool insecure;
  LimitSettings limits;
  AdminSettings admin;
  ClusterSecret cluster_secret;
  TlsOptions tls;
  std::int64_t hsts_max_age_s;  // 0: browsers are told nothing
  std::string internal_host;
  std::uint16_t internal_port;  // 0: services come to the API port
  LogOptions log;
};

// Options, with the rule that a listener beyond loopback needs authentication, or the word that it is meant so.

void declare(runtime::Options& options, GatewaySettings& settings);

// The admin API of a program with a gateway: on the API port, or on its own, with the gateway's endpoints.
[[nodiscard]] std::function<void(runtime::HttpRoutes&, sv_websocket::Gateway&)> admin_routes(const AdminApi& admin);
void listen(AdminApi& admin, runtime::Reactor& reactor, const std::string& host, sv_websocket::Gateway& gateway);

// Where other services reach this gateway's API: what public-url is if it is not given.
[[nodiscard]] std::string internal_url(const GatewaySettings& settings);

// Throws as ClusterSecret::read(). `tls` outlives the gateway.
[[nodiscard]] sv_websocket::GatewayOptions gateway_options(const GatewaySettings& settings, std::string public_url,
                                                           std::chrono::milliseconds lease, const Tls& tls);

}  // namespace simplechat::apps

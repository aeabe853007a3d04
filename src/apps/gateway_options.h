// The options that both programs with a gateway in them have: sv-websocket and simplechat serve.
#pragma once

#include <cstdint>
#include <string>

#include "apps/auth_options.h"
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
  AuthSettings auth;
  bool insecure;
  LimitSettings limits;
  ClusterSecret cluster_secret;
  TlsOptions tls;
  LogOptions log;
};

// Options, with the rule that a listener beyond loopback needs authentication, or the word that it is meant so.

void declare(runtime::Options& options, GatewaySettings& settings);

// Throws as ClusterSecret::read(). `tls`: from make_tls(), and the caller's.
[[nodiscard]] sv_websocket::GatewayOptions gateway_options(const GatewaySettings& settings, std::string public_url,
                                                           std::chrono::milliseconds lease, runtime::TlsContext* tls);

}  // namespace simplechat::apps

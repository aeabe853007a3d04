// SvWebsocket, the gateway: a shard and its listeners per reactor, the registrar, and their start and end.
//
// Which adapters stand behind the ports is the program's choice (apps/): the gateway of the cluster and that of the
// embedded server are this one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chat/authenticator.h"
#include "chat/clock.h"
#include "chat/revocations.h"
#include "runtime/dependency.h"
#include "runtime/http_server.h"
#include "runtime/metrics.h"
#include "runtime/reactor.h"
#include "sv_websocket/address_table.h"
#include "sv_websocket/admission.h"
#include "sv_websocket/endpoints.h"
#include "sv_websocket/registrar.h"
#include "sv_websocket/revocation_watch.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/shard.h"
#include "sv_websocket/static_files.h"

namespace simplechat::sv_websocket {

struct GatewayOptions {
  std::string host = "127.0.0.1";
  std::uint16_t api_port = 3002;
  std::uint16_t ws_port = 8082;
  std::string public_url;   // where other gateways reach the API
  std::string incarnation;  // of this run of the process
  std::chrono::milliseconds lease{10'000};
  std::chrono::milliseconds drain{500};     // between telling the clients and closing them
  std::size_t connections_max = 1'000'000;  // WebSocket connections, shared out over the reactors; beyond: 503
  ServiceAccess access;
  LimitOptions limits;
  AdmissionRules admission;
  runtime::TlsContext* tls = nullptr;  // of both listeners; null: they speak without. Outlives the gateway
};

class Gateway {
 public:
  // Binds both ports on every reactor. Throws std::system_error if one can't be had. `ports` has one entry per reactor.
  Gateway(runtime::ReactorPool& reactors, GatewayOptions options, std::span<const Ports> ports,
          const chat::Authenticator& authenticator, std::span<const StaticFile> client_files,
          runtime::Readiness& readiness, runtime::MetricsRegistry& metrics);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Has the gateway hear of what is revoked, and take POST /v1/revocations: `keep` is for how long one is kept that
  // does not say so itself. Before start(), where clients show tokens. `revocations` lives on the first reactor, and
  // outlives the gateway.
  void watch_revocations(chat::Revocations& revocations, std::chrono::milliseconds keep);

  // Before the reactors run.
  void start();

  // Stops accepting, tells the clients, flushes what senders were not told of yet, closes, waits until nobody is left
  // to be told to resync, and gives the lease back. Blocks up to about `drain` + 15 s. While the reactors run, not from
  // one of their threads.
  void stop();

  [[nodiscard]] std::uint16_t api_port() const;
  [[nodiscard]] std::uint16_t ws_port() const;

 private:
  class Lane;

  // What of a limit of the gateway is one reactor's.
  [[nodiscard]] std::size_t share(std::size_t whole) const;
  void register_all_again();
  chat::Task<chat::Result<void>> revoke(chat::Revocation revocation);
  void resync_all();

  runtime::ReactorPool& reactors_;
  runtime::Readiness& readiness_;
  const GatewayOptions options_;
  chat::HybridLogicalClock clock_{chat::system_wall_clock(), chat::system_elapsed};
  Roster roster_;
  ClientTables clients_;
  std::unique_ptr<Registrar> registrar_;
  std::unique_ptr<RevocationWatch> revocation_watch_;  // where clients show tokens
  std::vector<std::unique_ptr<Lane>> lanes_;           // by reactor
};

}  // namespace simplechat::sv_websocket

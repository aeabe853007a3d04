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
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "chat/authenticator.h"
#include "chat/blocks.h"
#include "chat/clock.h"
#include "chat/revocations.h"
#include "runtime/dependency.h"
#include "runtime/http_server.h"
#include "runtime/metrics.h"
#include "runtime/reactor.h"
#include "sv_websocket/address_table.h"
#include "sv_websocket/admission.h"
#include "sv_websocket/block_endpoints.h"
#include "sv_websocket/block_table.h"
#include "sv_websocket/block_watch.h"
#include "sv_websocket/endpoints.h"
#include "sv_websocket/registrar.h"
#include "sv_websocket/revocation_watch.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/shard.h"
#include "sv_websocket/static_files.h"
#include "wire/revocation_body.h"

namespace simplechat::sv_websocket {

class Gateway;

// A listener for services alone, with the endpoints that are theirs.
struct InternalListener {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  runtime::TlsContext* tls = nullptr;  // null: it speaks without. Outlives the gateway
};

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
  LimitOptions limits{};
  AdmissionRules admission{};
  runtime::TlsContext* tls = nullptr;    // of the listeners for users; null: they speak without. Outlives the gateway
  std::chrono::seconds hsts_max_age{0};  // of the same; see HttpServer::Options
  std::optional<InternalListener> internal{};  // nullopt: the services' endpoints are on the API port
  // Adds routes to the API port, once for each reactor; the gateway may be used only when they are called.
  std::function<void(runtime::HttpRoutes&, Gateway&)> add_api_routes{};
};

class Gateway {
 public:
  // Binds all ports on every reactor. Throws std::system_error if one can't be had. `ports` has one entry per reactor.
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

  // Has the gateway hear of who has blocked whom, and take changes of it: without, nobody can block. Before start().
  // `blocks` lives on the first reactor, and outlives the gateway.
  void watch_blocks(chat::Blocks& blocks);

  // Before the reactors run.
  void start();

  // From any reactor. Ends when it is kept and in force here; the other gateways hear of it within a second. not_found
  // where nobody shows tokens; unavailable, bad_frame.
  chat::Task<chat::Result<chat::Revocation>> revoke(wire::RevocationRequest request);

  // Stops accepting, tells the clients, flushes what senders were not told of yet, closes, waits until nobody is left
  // to be told to resync, and gives the lease back. Blocks up to about `drain` + 15 s. While the reactors run, not from
  // one of their threads.
  void stop();

  // --- For the admin API. From any reactor of the gateway.

  struct Status {
    std::string url;
    std::size_t connections = 0;
    std::size_t sessions = 0;  // registered
    std::size_t users = 0;
    bool draining = false;
  };
  chat::Task<Status> status();
  // Up to `limit` registered sessions from the place `after` on; `next` is the place after the last one, empty if there
  // are no more. A session that comes or goes meanwhile may be there or not.
  struct SessionPage {
    std::vector<SessionInfo> sessions;
    std::string next;
  };
  chat::Task<chat::Result<SessionPage>> sessions(std::string after, std::size_t limit);
  chat::Task<std::vector<SessionInfo>> sessions_of(std::string user);
  // Closes the user's sessions, or that one of them; returns how many.
  chat::Task<std::size_t> disconnect(std::string user, std::string session);
  // What waits on all reactors together, and how much may.
  struct Waiting {
    Depths depths;
    Depths bounds;
  };
  chat::Task<Waiting> waiting();
  // Who has blocked whom.
  [[nodiscard]] BlockParts block_parts();
  // Refuses new connections and sends those there are away, as stop() does, but goes on: cancel_drain() takes it back.
  // Nothing if it drains already.
  void start_drain(std::chrono::milliseconds time);
  void cancel_drain();

  [[nodiscard]] const std::string& url() const { return options_.public_url; }
  [[nodiscard]] std::uint16_t api_port() const;
  [[nodiscard]] std::uint16_t ws_port() const;

 private:
  class Lane;

  // What of a limit of the gateway is one reactor's.
  [[nodiscard]] std::size_t share(std::size_t whole) const;
  template <class Function>
  auto ask_each(Function function) -> chat::Task<std::vector<std::invoke_result_t<Function&, Shard&>>>;
  void register_all_again();
  chat::Task<chat::Result<void>> change_block(chat::BlockChange change);
  chat::Task<chat::Result<BlockedUsers>> blocked_by(std::string user);
  void resync_all();
  [[nodiscard]] std::int64_t now_s();

  runtime::ReactorPool& reactors_;
  runtime::Readiness& readiness_;
  const GatewayOptions options_;
  chat::HybridLogicalClock clock_{chat::system_wall_clock(), chat::system_elapsed};
  Roster roster_;
  BlockTable blocks_;
  ClientTables clients_;
  std::unique_ptr<Registrar> registrar_;
  std::unique_ptr<RevocationWatch> revocation_watch_;  // where clients show tokens
  std::chrono::seconds revocation_keep_{};
  std::unique_ptr<BlockWatch> block_watch_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // by reactor
};

}  // namespace simplechat::sv_websocket

// What a gateway has on one reactor: sessions, router, publisher, and what joins them. All but listeners and HTTP, so
// that the simulation (tests/sim) runs this very class.
//
// Lives on its reactor, but for what says that it is thread-safe. leave() and stop() before destruction.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/authenticator.h"
#include "chat/clock.h"
#include "chat/connect_hook.h"
#include "chat/directory.h"
#include "chat/message_queue.h"
#include "chat/message_store.h"
#include "chat/relay.h"
#include "chat/send_hook.h"
#include "runtime/metrics.h"
#include "runtime/reactor.h"
#include "sv_websocket/approvals.h"
#include "sv_websocket/gatekeeper.h"
#include "sv_websocket/hub.h"
#include "sv_websocket/probe.h"
#include "sv_websocket/publisher.h"
#include "sv_websocket/registrar.h"
#include "sv_websocket/revocation_watch.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/router.h"
#include "sv_websocket/session.h"
#include "sv_websocket/store_progress.h"
#include "sv_websocket/transport.h"
#include "wire/client_frame.h"

namespace simplechat::sv_websocket {

// The outside, as one reactor reaches it. The objects are the caller's and outlive the gateway.
struct Ports {
  chat::Directory& directory;
  chat::Relay& relay;
  chat::MessageQueue& queue;
  chat::MessageReader& reader;
  chat::ConnectHook* connect_hook = nullptr;  // nullptr: there is none
  chat::SendHook* send_hook = nullptr;        // likewise
};

class Shard {
 public:
  // What the shards of a gateway share, and how each is made.
  struct Gateway {
    Roster& roster;
    Registrar& registrar;
    chat::HybridLogicalClock& clock;
    const chat::Authenticator& authenticator;
    const BlockTable& blocks;
    std::string url;          // where other gateways reach the API
    std::string incarnation;  // of this run of the process
    std::size_t unconfirmed_bytes_max;
    ConnectionLimits limits;
    LimitOptions client_limits{};
    ClientTables* clients = nullptr;    // nullptr: nobody is counted
    std::size_t buffers_bytes_max = 0;  // of this reactor's connections together; 0: no limit
  };

  Shard(runtime::Reactor& reactor, const Gateway& gateway, const Ports& ports, runtime::MetricsRegistry& metrics);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // `mailboxes`: of all shards, by reactor; the own one is empty. Before the reactor runs, or on it.
  void start(std::vector<DeliveryMailbox*> mailboxes);

  // Takes no more messages, tells each sender the outcome of its last ones, closes the sessions, and waits until those
  // are told to resync whom only this shard knows to have been passed over: at most some 14 s in all. False if some
  // could not be told.
  chat::Task<bool> leave();
  // Ends everything that is under way.
  chat::Task<void> stop();

  // Thread-safe.
  void register_all_again();
  // Tells every session to resync, at a pace; and once more, when it has caught up, if the store is behind now, since a
  // sync would not show yet what others have lately published. Thread-safe.
  void resync_all();

  // Refuses tokens from now on until revoke() was called. Before the reactor runs.
  void await_revocations() { gatekeeper_.await_revocations(); }
  // What is revoked is refused from now on, and the sessions that rest on it are closed. Thread-safe.
  void revoke(const RevocationWatch::Batch& revocations);
  void forget_revocations(std::int64_t now_s);

  // Lets nothing pass from one user to another until blocks_known() was called. Before the reactor runs.
  void await_blocks() { contacts_.await_blocks(); }
  // Thread-safe.
  void blocks_known();

  // What waits now, and how much may.
  [[nodiscard]] Depths depths() const;
  [[nodiscard]] Depths bounds() const;

  [[nodiscard]] runtime::Reactor& reactor() { return reactor_; }
  [[nodiscard]] DeliveryMailbox& mailbox() { return mailbox_; }
  [[nodiscard]] Hub& hub() { return hub_; }
  [[nodiscard]] StoreProgress& progress() { return progress_; }
  [[nodiscard]] SessionServices& services() { return services_; }

 private:
  Approvals& make_approvals(chat::SendHook& hook);
  void settled(const Publisher::Sender& sender, const chat::MessageView& message, const chat::Result<void>& outcome,
               Publisher::TimePoint since);
  void tick();

  runtime::Reactor& reactor_;
  Roster& roster_;
  Registrar& registrar_;
  Probe probe_;
  Transport transport_;
  Gatekeeper gatekeeper_;
  Contacts contacts_;
  wire::FrameParser parser_;
  std::optional<Approvals> approvals_;  // where there is a send hook; outlives the sessions
  Hub hub_;
  Router router_;
  StoreProgress progress_;
  Publisher publisher_;
  DeliveryMailbox mailbox_;
  SessionServices services_;
  boost::asio::steady_timer tick_;
  unsigned ticks_ = 0;
  std::size_t acked_ = 0;                                                    // of the batch that is being settled
  std::optional<std::chrono::steady_clock::time_point> resync_when_stored_;  // what was published until then
};

}  // namespace simplechat::sv_websocket

// What the gateway counts, as verbs. One probe per reactor, written on its thread only; the scrape sums them up.
#pragma once

#include <cstddef>

#include "runtime/metrics.h"
#include "sv_websocket/limits.h"

namespace simplechat::sv_websocket {

class Probe {
 public:
  explicit Probe(runtime::MetricsRegistry& metrics);

  void connection_opened() { connections_.add(1); }
  void connection_closed() { connections_.add(-1); }
  void connection_refused() { connections_refused_.add(); }
  void limited(Limit limit) { limits_.hit(limit); }
  void registered() { sessions_.add(1); }
  void unregistered() { sessions_.add(-1); }
  void registration_refused() { registrations_refused_.add(); }
  void registration_renewed() { registrations_renewed_.add(); }
  void session_expired() { sessions_expired_.add(); }
  void session_revoked() { sessions_revoked_.add(); }
  void heartbeat_missed() { heartbeats_missed_.add(); }

  void frame_received() { frames_.add(); }
  void frame_refused() { frames_refused_.add(); }
  void message_accepted() { messages_accepted_.add(); }
  void message_durable() { messages_durable_.add(); }
  void publish_refused() { publishes_refused_.add(); }
  void publish_failed() { publishes_failed_.add(); }

  void delivered_here() { delivered_here_.add(); }
  void delivered_remote(std::size_t count) { delivered_remote_.add(count); }
  void relay_failed() { relays_failed_.add(); }
  void ephemeral_dropped() { ephemeral_dropped_.add(); }
  void delivery_missed() { deliveries_missed_.add(); }
  void resync_sent() { resyncs_.add(); }
  void resync_lost() { resyncs_lost_.add(); }

 private:
  runtime::Gauge& connections_;
  runtime::Counter& connections_refused_;
  runtime::Gauge& sessions_;
  runtime::Counter& registrations_refused_;
  runtime::Counter& registrations_renewed_;
  runtime::Counter& sessions_expired_;
  runtime::Counter& sessions_revoked_;
  runtime::Counter& heartbeats_missed_;
  runtime::Counter& frames_;
  runtime::Counter& frames_refused_;
  runtime::Counter& messages_accepted_;
  runtime::Counter& messages_durable_;
  runtime::Counter& publishes_refused_;
  runtime::Counter& publishes_failed_;
  runtime::Counter& delivered_here_;
  runtime::Counter& delivered_remote_;
  runtime::Counter& relays_failed_;
  runtime::Counter& ephemeral_dropped_;
  runtime::Counter& deliveries_missed_;
  runtime::Counter& resyncs_;
  runtime::Counter& resyncs_lost_;
  LimitCounters limits_;
};

}  // namespace simplechat::sv_websocket

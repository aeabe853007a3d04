#include "sv_websocket/probe.h"

namespace simplechat::sv_websocket {

Probe::Probe(runtime::MetricsRegistry& metrics)
    : connections_(metrics.gauge("websocket_connections", "Open WebSocket connections")),
      connections_refused_(metrics.counter("websocket_connections_refused_total",
                                           "WebSocket connections refused because there are as many as may be")),
      sessions_(metrics.gauge("sessions", "Registered sessions")),
      registrations_refused_(
          metrics.counter("registrations_refused_total", "Registrations that were answered with an error")),
      registrations_renewed_(
          metrics.counter("registrations_renewed_total", "Registrations that got a fresh token while they lasted")),
      sessions_expired_(metrics.counter("sessions_expired_total", "Sessions closed because their token expired")),
      sessions_revoked_(metrics.counter("sessions_revoked_total", "Sessions closed because their token was revoked")),
      heartbeats_missed_(
          metrics.counter("heartbeats_missed_total", "Connections closed because their peer was silent")),
      frames_(metrics.counter("frames_received_total", "Frames from clients")),
      frames_refused_(metrics.counter("frames_refused_total", "Frames that are not of the contract")),
      messages_accepted_(metrics.counter("messages_accepted_total", "Messages handed to the queue")),
      messages_durable_(metrics.counter("messages_durable_total", "Messages that the queue confirmed")),
      publishes_refused_(
          metrics.counter("messages_refused_total", "Messages refused because too much was unconfirmed")),
      publishes_failed_(metrics.counter("messages_failed_total", "Messages that the queue did not confirm")),
      delivered_here_(
          metrics.counter("deliveries_total", "Frames given to sessions or gateways", {{"path", "session"}})),
      delivered_remote_(
          metrics.counter("deliveries_total", "Frames given to sessions or gateways", {{"path", "gateway"}})),
      relays_failed_(metrics.counter("relays_failed_total", "Batches that another gateway did not take")),
      ephemeral_dropped_(metrics.counter("ephemeral_dropped_total", "Typing notices that were dropped")),
      deliveries_missed_(
          metrics.counter("deliveries_missed_total", "Frames passed over because of a fault; a resync follows")),
      resyncs_(metrics.counter("resyncs_total", "Users that were told to resync")),
      resyncs_lost_(metrics.counter("resyncs_lost_total", "Users that could not be remembered for a resync")),
      limits_(metrics) {}

}  // namespace simplechat::sv_websocket

#include "sv_websocket/probe.h"

#include <string>
#include <string_view>

#include "runtime/process_metrics.h"

namespace simplechat::sv_websocket {
namespace {

using runtime::Counter;
using runtime::MetricsRegistry;

// By the order of wire::ClientFrame.
constexpr std::array<std::string_view, std::variant_size_v<wire::ClientFrame>> kFrameTypes{
    "register", "unregister", "normal", "typing", "mark", "history", "sync", "conversations", "ping"};
static_assert(std::is_same_v<std::variant_alternative_t<4, wire::ClientFrame>, wire::MarkFrame>);

// By the order of MissedBy.
constexpr std::array<std::string_view, kMissedByCount> kMissedBy{"mailbox_full", "lookup_full", "lookup_failed",
                                                                 "relay_full", "relay_failed"};

// By the order of Blocked.
constexpr std::array<std::string_view, kBlockedCount> kBlocked{"message", "typing", "mark"};

template <std::size_t Size>
std::array<Counter*, Size> counters(MetricsRegistry& metrics, std::string_view name, std::string_view help,
                                    const std::string& label, const std::array<std::string_view, Size>& values) {
  std::array<Counter*, Size> all{};
  for (std::size_t i = 0; i < Size; ++i) all[i] = &metrics.counter(name, help, {{label, std::string(values[i])}});
  return all;
}

Counter& deliveries(MetricsRegistry& metrics, const char* path) {
  return metrics.counter(
      "deliveries_total",
      "Frames for a user, by where they went: to sessions on the same reactor (local), on another reactor of this "
      "gateway, to another gateway (remote), or nowhere because the user is offline",
      {{"path", path}});
}

Counter& hints(MetricsRegistry& metrics, const char* look_up) {
  return metrics.counter("hinted_frames_total",
                         "Frames that were on their way to the gateway where their user was last found while the "
                         "directory was asked, by what the look-up said",
                         {{"look_up", look_up}});
}

runtime::Histogram& delivery_s(MetricsRegistry& metrics, const char* path) {
  return metrics.histogram(
      "delivery_seconds",
      "From accepting a frame, or from its arrival from another gateway, to its being written to the sockets (local), "
      "taken by another reactor, or taken by another gateway (remote)",
      runtime::latency_bounds_s(), {{"path", path}});
}

}  // namespace

Depths& Depths::operator+=(const Depths& other) {
  unconfirmed_bytes += other.unconfirmed_bytes;
  approval_bytes += other.approval_bytes;
  lookup_bytes += other.lookup_bytes;
  relay_bytes += other.relay_bytes;
  acks += other.acks;
  resyncs += other.resyncs;
  return *this;
}

Probe::Depth::Depth(MetricsRegistry& metrics, const char* queue, const char* unit)
    : depth(metrics.gauge(std::string("queue_depth_") + unit, "What waits, by queue", {{"queue", queue}})),
      bound(metrics.gauge(std::string("queue_bound_") + unit, "How much may wait, by queue", {{"queue", queue}})) {}

Probe::Probe(MetricsRegistry& metrics)
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
      frames_(counters(metrics, "frames_received_total", "Frames from clients, by type", "type", kFrameTypes)),
      frames_refused_(metrics.counter("frames_refused_total", "Frames that are not of the contract")),
      blocked_(counters(metrics, "blocked_total",
                        "What was not brought from one user to another because one of them has blocked the other, by "
                        "kind",
                        "kind", kBlocked)),
      blocks_(metrics.gauge("blocks", "Blocks of one user by another that this gateway knows")),
      messages_accepted_(metrics.counter("messages_accepted_total", "Messages handed to the queue")),
      messages_durable_(metrics.counter("messages_durable_total", "Messages that the queue confirmed")),
      messages_refused_(
          metrics.counter("messages_refused_total", "Messages refused at once because too much was waiting")),
      publishes_failed_(metrics.counter("messages_failed_total", "Messages that the queue did not confirm")),
      ack_s_(metrics.histogram("ack_seconds", "From accepting a message to its ack", runtime::latency_bounds_s())),
      publish_records_(metrics.histogram("publish_records", "Records that a reactor hands to the queue at once",
                                         runtime::batch_bounds())),
      frames_given_(metrics.counter("frames_given_total", "Frames given to sessions of this gateway")),
      delivered_local_(deliveries(metrics, "local")),
      delivered_reactor_(deliveries(metrics, "reactor")),
      delivered_remote_(deliveries(metrics, "remote")),
      delivered_nobody_(deliveries(metrics, "offline")),
      local_s_(delivery_s(metrics, "local")),
      reactor_s_(delivery_s(metrics, "reactor")),
      remote_s_(delivery_s(metrics, "remote")),
      turn_s_(metrics.histogram("turn_seconds", "How long a loop turn took that had something to send",
                                runtime::latency_bounds_s())),
      relay_frames_(
          metrics.histogram("relay_frames", "Frames that one call brings to another gateway", runtime::batch_bounds())),
      lookup_users_(
          metrics.histogram("lookup_users", "Users that one call asks the directory for", runtime::batch_bounds())),
      lookup_s_(
          metrics.histogram("lookup_seconds", "How long a look-up in the directory took", runtime::latency_bounds_s())),
      lookups_failed_(metrics.counter("lookups_failed_total", "Look-ups that the directory did not answer")),
      relays_failed_(metrics.counter("relays_failed_total", "Batches that another gateway did not take")),
      hints_confirmed_(hints(metrics, "confirmed")),
      hints_refuted_(hints(metrics, "refuted")),
      ephemeral_dropped_(metrics.counter("ephemeral_dropped_total", "Typing notices that were dropped")),
      deliveries_missed_(counters(metrics, "deliveries_missed_total",
                                  "Frames passed over because of a fault, by reason; a resync follows", "reason",
                                  kMissedBy)),
      resyncs_(metrics.counter("resyncs_total", "Users that were told to resync")),
      resyncs_lost_(metrics.counter("resyncs_lost_total", "Users that could not be remembered for a resync")),
      unconfirmed_bytes_(metrics, "unconfirmed", "bytes"),
      approval_bytes_(metrics, "approvals", "bytes"),
      lookup_bytes_(metrics, "lookup", "bytes"),
      relay_bytes_(metrics, "relay", "bytes"),
      acks_(metrics, "acks", "items"),
      resyncs_waiting_(metrics, "resyncs", "items"),
      limits_(metrics) {}

void Probe::delivered_remote(std::size_t count, std::size_t batch, Duration after) {
  delivered_remote_.add(count);
  relay_frames_.observe(static_cast<double>(batch));
  observe(remote_s_, after, count);
}

void Probe::turn_ended(Duration took) {
  observe(turn_s_, took, 1);
  if (local_of_turn_ > 0) observe(local_s_, took, local_of_turn_);
  local_of_turn_ = 0;
}

void Probe::looked_up(std::size_t users, Duration took, bool answered) {
  lookup_users_.observe(static_cast<double>(users));
  observe(lookup_s_, took, 1);
  if (!answered) lookups_failed_.add();
}

void Probe::bounds(const Depths& bounds) {
  unconfirmed_bytes_.bound.set(static_cast<std::int64_t>(bounds.unconfirmed_bytes));
  approval_bytes_.bound.set(static_cast<std::int64_t>(bounds.approval_bytes));
  lookup_bytes_.bound.set(static_cast<std::int64_t>(bounds.lookup_bytes));
  relay_bytes_.bound.set(static_cast<std::int64_t>(bounds.relay_bytes));
  acks_.bound.set(static_cast<std::int64_t>(bounds.acks));
  resyncs_waiting_.bound.set(static_cast<std::int64_t>(bounds.resyncs));
}

void Probe::depths(const Depths& depths) {
  unconfirmed_bytes_.depth.set(static_cast<std::int64_t>(depths.unconfirmed_bytes));
  approval_bytes_.depth.set(static_cast<std::int64_t>(depths.approval_bytes));
  lookup_bytes_.depth.set(static_cast<std::int64_t>(depths.lookup_bytes));
  relay_bytes_.depth.set(static_cast<std::int64_t>(depths.relay_bytes));
  acks_.depth.set(static_cast<std::int64_t>(depths.acks));
  resyncs_waiting_.depth.set(static_cast<std::int64_t>(depths.resyncs));
}

}  // namespace simplechat::sv_websocket

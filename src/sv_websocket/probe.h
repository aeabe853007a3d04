// What the gateway counts, as verbs. One probe per reactor, written on its thread only; the scrape sums them up.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "runtime/metrics.h"
#include "sv_websocket/limits.h"
#include "wire/client_frame.h"

namespace simplechat::sv_websocket {

// Why a frame did not take its way at once.
enum class MissedBy : std::uint8_t { mailbox_full, lookup_full, lookup_failed, relay_full, relay_failed };
inline constexpr std::size_t kMissedByCount = 5;

// What was not brought from one user to another because of a block.
enum class Blocked : std::uint8_t { message, typing, mark };
inline constexpr std::size_t kBlockedCount = 3;

// What waits in a reactor of the gateway, each beside its bound.
struct Depths {
  std::size_t unconfirmed_bytes = 0;
  std::size_t approval_bytes = 0;  // of messages that wait for the application's word
  std::size_t lookup_bytes = 0;
  std::size_t relay_bytes = 0;  // for the gateway for which most waits
  std::size_t acks = 0;         // that wait for a hand-over
  std::size_t resyncs = 0;      // users who are to be told

  Depths& operator+=(const Depths& other);
};

class Probe {
 public:
  using Duration = std::chrono::steady_clock::duration;

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

  // `type`: the index of the frame's struct in wire::ClientFrame.
  void frame_received(std::size_t type) { frames_[type]->add(); }
  void frame_refused() { frames_refused_.add(); }
  void message_accepted() { messages_accepted_.add(); }
  void message_durable() { messages_durable_.add(); }
  void blocked(Blocked kind) { blocked_[static_cast<std::size_t>(kind)]->add(); }
  // How many the gateway knows; told on one reactor.
  void blocks(std::size_t count) { blocks_.set(static_cast<std::int64_t>(count)); }
  void message_refused() { messages_refused_.add(); }
  void publish_failed() { publishes_failed_.add(); }
  // `count` messages were acked so long after they had been accepted.
  void acked(Duration after, std::size_t count) { observe(ack_s_, after, count); }
  void published(std::size_t records) { publish_records_.observe(static_cast<double>(records)); }

  void frame_given() { frames_given_.add(); }
  void delivered_local() {
    delivered_local_.add();
    ++local_of_turn_;
  }
  void delivered_to_reactor() { delivered_reactor_.add(); }
  void mailbox_emptied(Duration after, std::size_t count) { observe(reactor_s_, after, count); }
  // Another gateway has taken `count` of `batch` frames, so long after the first of them had been accepted.
  void delivered_remote(std::size_t count, std::size_t batch, Duration after);
  void nobody_there() { delivered_nobody_.add(); }
  void turn_ended(Duration took);

  void looked_up(std::size_t users, Duration took, bool answered);
  void relay_failed() { relays_failed_.add(); }
  // A frame was on its way to a gateway before the directory was asked, which confirmed that place or not.
  void hinted(bool confirmed) { (confirmed ? hints_confirmed_ : hints_refuted_).add(); }
  void ephemeral_dropped() { ephemeral_dropped_.add(); }
  void delivery_missed(MissedBy reason) { deliveries_missed_[static_cast<std::size_t>(reason)]->add(); }
  void resync_sent() { resyncs_.add(); }
  void resync_lost() { resyncs_lost_.add(); }

  // The bounds are told once, the depths now and then.
  void bounds(const Depths& bounds);
  void depths(const Depths& depths);

 private:
  struct Depth {
    Depth(runtime::MetricsRegistry& metrics, const char* queue, const char* unit);
    runtime::Gauge& depth;
    runtime::Gauge& bound;
  };

  static void observe(runtime::Histogram& histogram, Duration time, std::size_t count) {
    histogram.observe(std::chrono::duration<double>(time).count(), count);
  }

  runtime::Gauge& connections_;
  runtime::Counter& connections_refused_;
  runtime::Gauge& sessions_;
  runtime::Counter& registrations_refused_;
  runtime::Counter& registrations_renewed_;
  runtime::Counter& sessions_expired_;
  runtime::Counter& sessions_revoked_;
  runtime::Counter& heartbeats_missed_;
  std::array<runtime::Counter*, std::variant_size_v<wire::ClientFrame>> frames_;
  runtime::Counter& frames_refused_;
  std::array<runtime::Counter*, kBlockedCount> blocked_;
  runtime::Gauge& blocks_;
  runtime::Counter& messages_accepted_;
  runtime::Counter& messages_durable_;
  runtime::Counter& messages_refused_;
  runtime::Counter& publishes_failed_;
  runtime::Histogram& ack_s_;
  runtime::Histogram& publish_records_;
  runtime::Counter& frames_given_;
  runtime::Counter& delivered_local_;
  runtime::Counter& delivered_reactor_;
  runtime::Counter& delivered_remote_;
  runtime::Counter& delivered_nobody_;
  runtime::Histogram& local_s_;
  runtime::Histogram& reactor_s_;
  runtime::Histogram& remote_s_;
  runtime::Histogram& turn_s_;
  runtime::Histogram& relay_frames_;
  runtime::Histogram& lookup_users_;
  runtime::Histogram& lookup_s_;
  runtime::Counter& lookups_failed_;
  runtime::Counter& relays_failed_;
  runtime::Counter& hints_confirmed_;
  runtime::Counter& hints_refuted_;
  runtime::Counter& ephemeral_dropped_;
  std::array<runtime::Counter*, kMissedByCount> deliveries_missed_;
  runtime::Counter& resyncs_;
  runtime::Counter& resyncs_lost_;
  Depth unconfirmed_bytes_;
  Depth approval_bytes_;
  Depth lookup_bytes_;
  Depth relay_bytes_;
  Depth acks_;
  Depth resyncs_waiting_;
  LimitCounters limits_;
  std::size_t local_of_turn_ = 0;
};

}  // namespace simplechat::sv_websocket

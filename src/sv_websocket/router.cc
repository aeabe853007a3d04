#include "sv_websocket/router.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "runtime/trace.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

namespace asio = boost::asio;

// `absent`: ascending, those that the other gateway does not hold.
void trace_relay(const chat::DeliveryBatch& batch, const std::vector<std::size_t>& absent, const std::string& url) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto message = wire::normal_ids(batch[i].frame);
    if (!message || std::ranges::find(absent, i) != absent.end()) continue;
    runtime::trace::event("message_relayed", message->id, message->from, message->to, "gateway", url);
  }
}

}  // namespace

void Router::Asked::list(const chat::DeliveryBatch& batch) {
  users.clear();
  index_of.clear();
  seen.clear();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::string_view user = batch[i].user;
    const auto [entry, is_new] = seen.try_emplace(user, users.size());
    if (is_new) users.emplace_back(user);
    index_of.push_back(entry->second);
  }
}

void Router::Batch::add(const chat::DeliveryView& delivery, chat::Timestamp at, Handovers::Ticket ticket,
                        Attempt attempt) {
  deliveries.add(delivery);
  deliveries.observe(at);
  tickets.push_back(ticket);
  attempts.push_back(attempt);
}

void Router::Batch::clear() {
  deliveries.clear();
  tickets.clear();
  attempts.clear();
}

Router::Router(Parts parts) : parts_(std::move(parts)), gate_(parts_.reactor.executor()) {}

void Router::connect(std::vector<DeliveryMailbox*> mailboxes) {
  mailboxes_ = std::move(mailboxes);
  outgoing_.resize(mailboxes_.size());
}

void Router::deliver(const chat::DeliveryView& delivery, chat::Timestamp at, SessionKey except,
                     Handovers::Ticket ticket) {
  deliver_here(delivery, except);
  look_up_later(delivery, at, ticket);
}

void Router::look_up_later(const chat::DeliveryView& delivery, chat::Timestamp at, Handovers::Ticket ticket) {
  if (to_look_up_.deliveries.bytes() + delivery.frame.size() > kWaitingBytesMax) {
    missed(delivery, Where::elsewhere, MissedBy::lookup_full);
    return;
  }
  if (to_look_up_.empty()) to_look_up_.since = std::chrono::steady_clock::now();
  to_look_up_.add(delivery, at, ticket, Attempt::first);
  handovers_.add(ticket);
  parts_.turn_end.schedule(*this);
}

bool Router::deliver_here(const chat::DeliveryView& delivery, SessionKey except) {
  const ReactorSet reactors = parts_.roster.reactors(delivery.user);
  const ReactorSet own = ReactorSet{1} << parts_.reactor.index();
  if ((reactors & own) != 0) {
    parts_.probe.delivered_local();
    parts_.to_sessions(delivery, except);
  }
  for (ReactorSet others = reactors & ~own; others != 0; others &= others - 1) {
    HandedDeliveries& batch = outgoing_[static_cast<std::size_t>(std::countr_zero(others))];
    if (batch.empty()) batch.since = std::chrono::steady_clock::now();
    batch.deliveries.add(delivery);
    parts_.probe.delivered_to_reactor();
    parts_.turn_end.schedule(*this);
  }
  return reactors != 0;
}

void Router::on_turn_end() {
  for (std::size_t reactor = 0; reactor < outgoing_.size(); ++reactor) {
    HandedDeliveries& batch = outgoing_[reactor];
    if (batch.empty() || mailboxes_[reactor]->put(batch)) continue;
    missed_all(batch.deliveries, Where::here, MissedBy::mailbox_full);
    batch.clear();
  }
  if (to_look_up_.empty() || looking_up_) return;
  looking_up_ = true;  // before: the coroutine may run to its end within spawn()
  gate_.spawn(look_up());
}

chat::Task<void> Router::look_up() {
  while (!to_look_up_.empty()) {
    std::swap(looked_up_, to_look_up_);
    co_await look_up_batch();
    done(looked_up_);
    looked_up_.clear();
  }
  looking_up_ = false;
}

chat::Task<void> Router::look_up_batch() {
  asked_.list(looked_up_.deliveries);
  const auto began = std::chrono::steady_clock::now();
  const auto located = co_await parts_.directory.locate(asked_.users);
  parts_.probe.looked_up(asked_.users.size(), std::chrono::steady_clock::now() - began, located.has_value());
  if (!located) {
    missed_all(looked_up_.deliveries, Where::elsewhere, MissedBy::lookup_failed);
    co_return;
  }
  for (std::size_t i = 0; i < looked_up_.size(); ++i) {
    const auto urls = located->of(asked_.index_of[i]);
    if (urls.empty()) parts_.probe.nobody_there();
    for (const std::string& url : urls) {
      if (url != parts_.own_url) hand_over(url, looked_up_, i);
    }
  }
}

void Router::hand_over(const std::string& url, const Batch& batch, std::size_t index) {
  std::unique_ptr<Peer>& peer = peers_[url];
  const bool is_new = peer == nullptr;
  if (is_new) peer = std::make_unique<Peer>();
  const chat::DeliveryView delivery = batch.deliveries[index];
  if (peer->waiting.deliveries.bytes() + delivery.frame.size() > kWaitingBytesMax) {
    missed(delivery, Where::elsewhere, MissedBy::relay_full);
    return;
  }
  if (peer->waiting.empty()) peer->waiting.since = batch.since;
  peer->waiting.add(delivery, batch.deliveries.latest_at(), batch.tickets[index], batch.attempts[index]);
  handovers_.add(batch.tickets[index]);
  if (is_new) gate_.spawn(relay(url, *peer));
}

chat::Task<void> Router::relay(std::string url, Peer& peer) {
  // Another turn, so that everything of the same look-up rides in this batch.
  co_await asio::post(parts_.reactor.executor(), asio::use_awaitable);
  Batch batch;
  while (!peer.waiting.empty()) {
    std::swap(batch, peer.waiting);
    const auto absent = co_await parts_.relay.deliver(url, batch.deliveries);
    if (absent) {
      parts_.probe.delivered_remote(batch.size() - absent->size(), batch.size(),
                                    std::chrono::steady_clock::now() - batch.since);
      if (runtime::trace::any()) trace_relay(batch.deliveries, *absent, url);
      look_up_again(batch, *absent);
    } else {
      parts_.probe.relay_failed();
      missed_all(batch.deliveries, Where::elsewhere, MissedBy::relay_failed);
    }
    done(batch);
    batch.clear();
  }
  peers_.erase(url);  // gateways come and go
}

void Router::look_up_again(const Batch& batch, const std::vector<std::size_t>& absent) {
  for (const std::size_t index : absent) {
    if (batch.attempts[index] == Attempt::last) {  // offline: the store has it
      parts_.probe.nobody_there();
      continue;
    }
    if (to_look_up_.empty()) to_look_up_.since = batch.since;
    to_look_up_.add(batch.deliveries[index], batch.deliveries.latest_at(), batch.tickets[index], Attempt::last);
    handovers_.add(batch.tickets[index]);
  }
  if (!to_look_up_.empty()) parts_.turn_end.schedule(*this);
}

void Router::done(const Batch& batch) {
  for (const Handovers::Ticket ticket : batch.tickets) handovers_.done(ticket);
}

void Router::missed(const chat::DeliveryView& delivery, Where where, MissedBy reason) {
  if (delivery.frame_class == chat::FrameClass::ephemeral) {
    parts_.probe.ephemeral_dropped();
  } else if (missed_.note(delivery.user, where, std::chrono::steady_clock::now())) {
    parts_.probe.delivery_missed(reason);
  } else {
    parts_.probe.resync_lost();
  }
}

void Router::missed_all(const chat::DeliveryBatch& batch, Where where, MissedBy reason) {
  for (std::size_t i = 0; i < batch.size(); ++i) missed(batch[i], where, reason);
}

void Router::add_depths(Depths& depths) const {
  depths.lookup_bytes = to_look_up_.deliveries.bytes();
  for (const auto& [url, peer] : peers_) {
    depths.relay_bytes = std::max(depths.relay_bytes, peer->waiting.deliveries.bytes());
  }
  depths.acks = handovers_.waiting();
  depths.resyncs = missed_.noted();
}

void Router::add_bounds(Depths& bounds) {
  bounds.lookup_bytes = kWaitingBytesMax;
  bounds.relay_bytes = kWaitingBytesMax;
  bounds.acks = Handovers::kWaitingMax;
  bounds.resyncs = MissedUsers::kUsersMax;
}

void Router::tick(MissedUsers::TimePoint stored_until, MissedUsers::TimePoint now) {
  handovers_.run_overdue(now);
  std::string frame;
  wire::append_resync(frame);
  const auto due = missed_.advance(stored_until, now, kResyncsPerTickMax, [this] { parts_.probe.resync_lost(); });
  for (const auto& [user, where] : due) {
    parts_.probe.resync_sent();
    const chat::DeliveryView resync{.user = user, .frame = frame};
    if (where == Where::here) deliver_here(resync, {});
    look_up_later(resync, 0, Handovers::kNone);  // who can't be reached is noted again
  }
}

}  // namespace simplechat::sv_websocket

#include "sv_websocket/router.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "runtime/trace.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

namespace asio = boost::asio;

// `absent`: those that the other gateway does not hold.
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
                        Attempt attempt, HintedFrame hinted_frame) {
  deliveries.add(delivery);
  deliveries.observe(at);
  tickets.push_back(ticket);
  attempts.push_back(attempt);
  hinted.push_back(std::move(hinted_frame));
}

void Router::Batch::clear() {
  deliveries.clear();
  tickets.clear();
  attempts.clear();
  hinted.clear();
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
  to_look_up_.add(delivery, at, ticket, Attempt::first, follow_hint(delivery, at, ticket));
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
    hints_.began();
    co_await look_up_batch();
    done(looked_up_);
    looked_up_.clear();
    hints_.ended();
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
    Hinted* const hinted = looked_up_.hinted[i].get();
    bool confirmed = false;
    const auto urls = located->of(asked_.index_of[i]);
    if (urls.empty()) parts_.probe.nobody_there();
    for (const std::string& url : urls) {
      if (url == parts_.own_url) continue;
      if (hinted != nullptr && url == hinted->url) {
        confirmed = true;
      } else {
        hand_over(url, looked_up_, i);
      }
    }
    if (hinted != nullptr) look_up_ended(*hinted, confirmed, i);
  }
  learn(*located);
}

void Router::learn(const chat::Locations& located) {
  for (std::size_t i = 0; i < asked_.users.size(); ++i) {
    const std::string* elsewhere = nullptr;
    std::size_t count = 0;
    for (const std::string& url : located.of(i)) {
      if (url == parts_.own_url) continue;
      elsewhere = &url;
      ++count;
    }
    if (count == 1) {
      hints_.found(asked_.users[i], *elsewhere, !to_look_up_.empty());
    } else {
      hints_.forget(asked_.users[i]);
    }
  }
}

Router::HintedFrame Router::follow_hint(const chat::DeliveryView& delivery, chat::Timestamp at,
                                        Handovers::Ticket ticket) {
  const std::string* const url = hints_.take(delivery.user);
  if (url == nullptr) return nullptr;
  Batch* const waiting = waiting_for(*url, delivery, std::chrono::steady_clock::now());
  if (waiting == nullptr) {
    hints_.forget(delivery.user);  // this frame waits for its look-up
    return nullptr;
  }
  auto hinted = std::make_shared<Hinted>(Hinted{.url = *url, .ticket = ticket});
  // The ticket has no part in it unless the look-up confirms the place.
  waiting->add(delivery, at, Handovers::kNone, Attempt::first, hinted);
  return hinted;
}

void Router::look_up_ended(Hinted& hinted, bool confirmed, std::size_t index) {
  parts_.probe.hinted(confirmed);
  hinted.look_up = confirmed ? Hinted::LookUp::confirmed : Hinted::LookUp::refuted;
  if (!confirmed) return;
  if (hinted.hand_over == HandOver::pending) {
    handovers_.add(hinted.ticket);
  } else {
    after_hand_over(looked_up_, index, hinted.hand_over, hinted.ticket);
  }
}

void Router::hand_over(const std::string& url, const Batch& batch, std::size_t index) {
  const chat::DeliveryView delivery = batch.deliveries[index];
  Batch* const waiting = waiting_for(url, delivery, batch.since);
  if (waiting == nullptr) {
    missed(delivery, Where::elsewhere, MissedBy::relay_full);
    return;
  }
  waiting->add(delivery, batch.deliveries.latest_at(), batch.tickets[index], batch.attempts[index], nullptr);
  handovers_.add(batch.tickets[index]);
}

// What waits to be handed to `url`, with the delivery soon the first of it if it is empty; nullptr if it is full.
Router::Batch* Router::waiting_for(const std::string& url, const chat::DeliveryView& delivery,
                                   std::chrono::steady_clock::time_point since) {
  std::unique_ptr<Peer>& peer = peers_[url];
  const bool is_new = peer == nullptr;
  if (is_new) peer = std::make_unique<Peer>();
  Batch& waiting = peer->waiting;
  if (waiting.deliveries.bytes() + delivery.frame.size() > kWaitingBytesMax) return nullptr;
  if (waiting.empty()) waiting.since = since;
  if (is_new) gate_.spawn(relay(url, *peer));
  return &waiting;
}

chat::Task<void> Router::relay(std::string url, Peer& peer) {
  // Another turn, so that everything of the same look-up rides in this batch.
  co_await asio::post(parts_.reactor.executor(), asio::use_awaitable);
  Batch batch;
  while (!peer.waiting.empty()) {
    std::swap(batch, peer.waiting);
    const auto absent = co_await parts_.relay.deliver(url, batch.deliveries);
    std::vector<HandOver> outcomes(batch.size(), absent ? HandOver::delivered : HandOver::failed);
    if (absent) {
      for (const std::size_t index : *absent) outcomes[index] = HandOver::absent;
      parts_.probe.delivered_remote(batch.size() - absent->size(), batch.size(),
                                    std::chrono::steady_clock::now() - batch.since);
      if (runtime::trace::any()) trace_relay(batch.deliveries, *absent, url);
    } else {
      parts_.probe.relay_failed();
    }
    for (std::size_t i = 0; i < batch.size(); ++i) handed_over(batch, i, outcomes[i]);
    done(batch);
    batch.clear();
  }
  peers_.erase(url);  // gateways come and go
}

void Router::handed_over(const Batch& batch, std::size_t index, HandOver outcome) {
  Hinted* const hinted = batch.hinted[index].get();
  if (hinted == nullptr) {
    after_hand_over(batch, index, outcome, batch.tickets[index]);
    return;
  }
  hinted->hand_over = outcome;
  if (hinted->look_up != Hinted::LookUp::confirmed) return;
  after_hand_over(batch, index, outcome, hinted->ticket);
  handovers_.done(hinted->ticket);
}

// To a gateway that the directory has named.
void Router::after_hand_over(const Batch& batch, std::size_t index, HandOver outcome, Handovers::Ticket ticket) {
  if (outcome == HandOver::absent) look_up_again(batch, index, ticket);
  if (outcome == HandOver::failed) missed(batch.deliveries[index], Where::elsewhere, MissedBy::relay_failed);
}

void Router::look_up_again(const Batch& batch, std::size_t index, Handovers::Ticket ticket) {
  if (batch.attempts[index] == Attempt::last) {  // offline: the store has it
    parts_.probe.nobody_there();
    return;
  }
  const chat::DeliveryView delivery = batch.deliveries[index];
  hints_.forget(delivery.user);
  if (to_look_up_.empty()) to_look_up_.since = batch.since;
  to_look_up_.add(delivery, batch.deliveries.latest_at(), ticket, Attempt::last, nullptr);
  handovers_.add(ticket);
  parts_.turn_end.schedule(*this);
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

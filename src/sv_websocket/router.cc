#include "sv_websocket/router.h"

#include <bit>
#include <utility>

#include "runtime/log.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kResyncEvery{1};

struct UniqueUsers {
  std::vector<std::string> users;
  std::vector<std::size_t> index_of;  // by delivery
};

UniqueUsers unique_users(const chat::DeliveryBatch& batch) {
  UniqueUsers unique;
  runtime::StringMap<std::size_t> seen;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto [entry, is_new] = seen.try_emplace(std::string(batch[i].user), unique.users.size());
    if (is_new) unique.users.push_back(entry->first);
    unique.index_of.push_back(entry->second);
  }
  return unique;
}

}  // namespace

Router::Router(Parts parts)
    : parts_(std::move(parts)), gate_(parts_.reactor.executor()), resync_timer_(parts_.reactor.executor()) {}

void Router::start() {
  outgoing_.resize(mailboxes_.size());
  gate_.spawn(resync_missed());
}

chat::Task<void> Router::stop() {
  resync_timer_.cancel();
  co_await gate_.close();
}

void Router::deliver(const chat::DeliveryView& delivery, chat::Timestamp at, SessionKey except) {
  deliver_here(delivery, except);
  look_up_later(delivery, at);
}

void Router::look_up_later(const chat::DeliveryView& delivery, chat::Timestamp at) {
  if (to_look_up_.bytes() + delivery.frame.size() > kWaitingBytesMax) {
    missed(delivery, Missed::elsewhere);
    return;
  }
  to_look_up_.add(delivery);
  to_look_up_.observe(at);
  parts_.turn_end.schedule(*this);
}

bool Router::deliver_here(const chat::DeliveryView& delivery, SessionKey except) {
  const ReactorSet reactors = parts_.roster.reactors(delivery.user);
  const ReactorSet own = ReactorSet{1} << parts_.reactor.index();
  if ((reactors & own) != 0) parts_.to_sessions(delivery, except);
  for (ReactorSet others = reactors & ~own; others != 0; others &= others - 1) {
    outgoing_[static_cast<std::size_t>(std::countr_zero(others))].add(delivery);
    parts_.turn_end.schedule(*this);
  }
  return reactors != 0;
}

void Router::on_turn_end() {
  for (std::size_t reactor = 0; reactor < outgoing_.size(); ++reactor) {
    chat::DeliveryBatch& batch = outgoing_[reactor];
    if (batch.empty() || mailboxes_[reactor]->put(batch)) continue;
    missed_all(batch, Missed::here);
    batch.clear();
  }
  const bool waiting = !to_look_up_.empty() || !to_look_up_again_.empty();
  if (!waiting || looking_up_) return;
  looking_up_ = true;  // before: the coroutine may run to its end within spawn()
  gate_.spawn(look_up());
}

chat::Task<void> Router::look_up() {
  chat::DeliveryBatch batch;
  while (!to_look_up_.empty() || !to_look_up_again_.empty()) {
    std::swap(batch, to_look_up_);
    if (!batch.empty()) co_await look_up_batch(batch, Attempt::first);
    batch.clear();
    std::swap(batch, to_look_up_again_);
    if (!batch.empty()) co_await look_up_batch(batch, Attempt::last);
    batch.clear();
  }
  looking_up_ = false;
}

chat::Task<void> Router::look_up_batch(const chat::DeliveryBatch& batch, Attempt attempt) {
  const UniqueUsers unique = unique_users(batch);
  const auto located = co_await parts_.directory.locate(unique.users);
  if (!located) {
    missed_all(batch, Missed::elsewhere);
    co_return;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (const std::string& url : (*located)[unique.index_of[i]]) {
      if (url != parts_.own_url) hand_over(url, batch[i], batch.latest_at(), attempt);
    }
  }
}

void Router::hand_over(const std::string& url, const chat::DeliveryView& delivery, chat::Timestamp at,
                       Attempt attempt) {
  std::unique_ptr<Peer>& peer = peers_[url];
  const bool is_new = peer == nullptr;
  if (is_new) peer = std::make_unique<Peer>();
  if (peer->waiting.bytes() + delivery.frame.size() > kWaitingBytesMax) {
    missed(delivery, Missed::elsewhere);
    return;
  }
  peer->waiting.add(delivery);
  peer->waiting.observe(at);
  peer->attempts.push_back(attempt);
  if (is_new) gate_.spawn(relay(url, *peer));
}

chat::Task<void> Router::relay(std::string url, Peer& peer) {
  // Another turn, so that everything of the same look-up rides in this batch.
  co_await asio::post(parts_.reactor.executor(), asio::use_awaitable);
  chat::DeliveryBatch batch;
  std::vector<Attempt> attempts;
  while (!peer.waiting.empty()) {
    std::swap(batch, peer.waiting);
    std::swap(attempts, peer.attempts);
    const auto absent = co_await parts_.relay.deliver(url, batch);
    if (absent) {
      parts_.probe.delivered_remote(batch.size() - absent->size());
      take_back(batch, attempts, *absent);
    } else {
      parts_.probe.relay_failed();
      missed_all(batch, Missed::elsewhere);
    }
    batch.clear();
    attempts.clear();
  }
  peers_.erase(url);  // gateways come and go
}

void Router::take_back(const chat::DeliveryBatch& batch, const std::vector<Attempt>& attempts,
                       const std::vector<std::size_t>& absent) {
  for (const std::size_t index : absent) {
    if (attempts[index] == Attempt::last) continue;  // offline: the store has it
    to_look_up_again_.add(batch[index]);
    to_look_up_again_.observe(batch.latest_at());
  }
  if (!to_look_up_again_.empty()) parts_.turn_end.schedule(*this);
}

void Router::missed(const chat::DeliveryView& delivery, Missed where) {
  if (delivery.frame_class == chat::FrameClass::ephemeral) {
    parts_.probe.ephemeral_dropped();
    return;
  }
  if (missed_users_.size() >= kMissedUsersMax && !missed_users_.contains(delivery.user)) {
    parts_.probe.resync_lost();
    return;
  }
  parts_.probe.delivery_missed();
  Missed& kept = missed_users_.try_emplace(std::string(delivery.user), where).first->second;
  if (where == Missed::here) kept = where;
}

void Router::missed_all(const chat::DeliveryBatch& batch, Missed where) {
  for (std::size_t i = 0; i < batch.size(); ++i) missed(batch[i], where);
}

chat::Task<void> Router::resync_missed() {
  std::string frame;
  wire::append_resync(frame);
  while (!gate_.closing()) {
    resync_timer_.expires_after(kResyncEvery);
    boost::system::error_code stopped;
    co_await resync_timer_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
    // Who still can't be reached comes back into missed_users_.
    for (const auto& [user, where] : std::exchange(missed_users_, {})) {
      const chat::DeliveryView resync{.user = user, .frame = frame};
      if (where == Missed::here) deliver_here(resync, {});
      look_up_later(resync, 0);
    }
  }
}

}  // namespace simplechat::sv_websocket

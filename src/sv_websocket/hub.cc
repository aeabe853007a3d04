#include "sv_websocket/hub.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "sv_websocket/missed_users.h"

namespace simplechat::sv_websocket {

Hub::Hub(runtime::Reactor& reactor, Transport& transport, Roster& roster, ConnectionLimits limits)
    : reactor_(reactor), transport_(transport), roster_(roster), limits_(limits), gate_(reactor.executor()) {}

Hub::~Hub() = default;

void Hub::accept(UpgradedSocket socket, IpAddress client) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.session = std::make_unique<Session>(*services_, transport_, SessionKey{index, slot.generation}, socket.fd,
                                           std::move(socket.tls), client, limits_);
  services_->probe.connection_opened();
  if (services_->register_timeout.count() > 0) {
    unknowns_.push_back(
        {.at = std::chrono::steady_clock::now() + services_->register_timeout, .session = slot.session->key()});
  }
  if (!socket.token.empty()) slot.session->offer_token(std::move(socket.token));
  slot.session->start(socket.response, std::move(socket.early));
}

Session* Hub::find(SessionKey key) {
  if (key.generation == 0 || key.slot >= slots_.size() || slots_[key.slot].generation != key.generation) return nullptr;
  return slots_[key.slot].session.get();
}

void Hub::destroy(SessionKey key) {
  Slot& slot = slots_[key.slot];
  slot.session.reset();
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(key.slot);
  services_->probe.connection_closed();
}

Roster::Change Hub::add(Session& session) {
  by_user_[session.user()].push_back(&session);
  return roster_.add(session.user(), reactor_.index());
}

Roster::Change Hub::remove(Session& session) {
  const auto entry = by_user_.find(session.user());
  std::erase(entry->second, &session);
  if (!entry->second.empty()) return roster_.confirm(session.user());
  by_user_.erase(entry);
  return roster_.remove(session.user(), reactor_.index());
}

std::size_t Hub::sessions_of(std::string_view user) const {
  const auto entry = by_user_.find(user);
  return entry == by_user_.end() ? 0 : entry->second.size();
}

void Hub::deliver(const chat::DeliveryView& delivery, SessionKey except) {
  const auto entry = by_user_.find(delivery.user);
  if (entry == by_user_.end()) return;
  for (Session* session : entry->second) {
    if (session->key() != except) session->deliver(delivery.frame, delivery.frame_class);
  }
}

void Hub::resync_some() {
  for (std::size_t told = 0; resynced_ < slots_.size() && told < kResyncsPerTickMax; ++resynced_) {
    Session* session = slots_[resynced_].session.get();
    if (session != nullptr && session->resync()) ++told;
  }
  if (resynced_ >= slots_.size()) resynced_ = kNobody;
}

void Hub::close_all(std::uint16_t code, std::string_view reason) {
  for (const Slot& slot : slots_) {
    if (slot.session) slot.session->close(code, reason);
  }
}

void Hub::end_all() {
  for (const Slot& slot : slots_) {
    if (slot.session) destroy(slot.session->key());
  }
}

void Hub::close_revoked(std::span<const chat::Revocation> revocations) {
  std::vector<SessionKey> found;  // closing may take a session out of what is gone through
  std::vector<std::uint64_t> tokens;
  for (const chat::Revocation& each : revocations) {
    if (each.what == chat::Revoked::token) {
      tokens.push_back(hash_of_token_id(each.subject));
      continue;
    }
    const auto entry = by_user_.find(each.subject);
    if (entry == by_user_.end()) continue;
    for (const Session* session : entry->second) {
      if (session->token_issued_s() <= each.issued_until_s) found.push_back(session->key());
    }
  }
  std::ranges::sort(tokens);
  for (const Slot& slot : slots_) {
    if (tokens.empty()) break;
    if (slot.session && std::ranges::binary_search(tokens, slot.session->token_hash())) {
      found.push_back(slot.session->key());
    }
  }
  for (const SessionKey key : found) {
    if (Session* session = find(key)) session->revoked();
  }
}

void Hub::pause(Session& session) { paused_.push_back(session.key()); }

void Hub::resume_paused() {
  for (const SessionKey key : std::exchange(paused_, {})) {
    if (Session* session = find(key)) session->resume_reading(Pause::queue);
  }
}

void Hub::check_later(const Session& session) {
  checks_.push_back({.at = std::chrono::steady_clock::now() + MissedUsers::kCheckAfter, .session = session.key()});
}

void Hub::run_checks(std::chrono::steady_clock::time_point now) {
  while (!checks_.empty() && checks_.front().at <= now) {
    Session* session = find(checks_.front().session);
    checks_.pop_front();
    if (session != nullptr) session->check_view(now);
  }
  while (!unknowns_.empty() && unknowns_.front().at <= now) {
    Session* session = find(unknowns_.front().session);
    unknowns_.pop_front();
    if (session != nullptr) session->check_known();
  }
}

void Hub::watch_expiry(const Session& session) { expiring_.push_back(session.key()); }

void Hub::tick() {
  std::erase_if(expiring_, [this](SessionKey key) {
    Session* session = find(key);
    return session == nullptr || !session->check_expiry();
  });
  const std::size_t count = slots_.size() / kHeartbeatRounds + 1;
  for (std::size_t i = 0; i < std::min(count, slots_.size()); ++i) {
    next_check_ = next_check_ + 1 < slots_.size() ? next_check_ + 1 : 0;
    if (slots_[next_check_].session) slots_[next_check_].session->check_heartbeat();
  }
}

}  // namespace simplechat::sv_websocket

// Session: who the client is. What a token says and how long that holds, and the connect hook.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "sv_websocket/hub.h"
#include "sv_websocket/session.h"
#include "wire/close_code.h"

namespace simplechat::sv_websocket {
namespace {

using chat::ErrorCode;

constexpr std::int64_t kSessionsRetryMs = 10'000;

// A coroutine of its own, not a member: the session may be gone before the hook answers.
template <class Answer>
chat::Task<void> ask(chat::ConnectHook& hook, chat::ConnectRequest request, Answer answer) {
  auto outcome = co_await hook.ask(std::move(request));
  answer(std::move(outcome));
}

}  // namespace

void Session::offer_token(std::string token) {
  if (!services_.gatekeeper.reads_tokens() && services_.connect_hook == nullptr) return;
  credential_ = std::make_unique<Credential>();
  credential_->offered = std::make_unique<std::string>(std::move(token));
}

void Session::revoked() {
  services_.probe.session_revoked();
  connection_.close(wire::kCloseRevoked, "revoked");
}

// The frame's own token; else the one that came with the handshake, which then is used up.
Session::Proof Session::take_proof(const wire::RegisterFrame& frame) {
  if (!frame.token.empty() || !credential_ || !credential_->offered) return {.token = std::string(frame.token)};
  Proof proof{.token = std::move(*credential_->offered), .offered = true};
  credential_.reset();
  return proof;
}

// A user's sessions have a limit, too. Whoever gets as far as this has said who he is.
chat::Result<void> Session::find_room(const std::string& user) {
  known_ = true;
  if (services_.user_sessions_max == 0 || services_.hub.sessions_of(user) < services_.user_sessions_max) return {};
  services_.probe.limited(Limit::user_sessions);
  return chat::fail(ErrorCode::rate_limited, "this user has as many sessions as may be");
}

void Session::refuse_registration(const chat::Error& error, Proof proof) {
  services_.probe.registration_refused();
  send_error(error, {}, {}, error.code == ErrorCode::rate_limited ? kSessionsRetryMs : -1);
  if (error.code == ErrorCode::unauthorized) {
    connection_.close(wire::kCloseUnauthorized, "unauthorized");
  } else if (proof.offered) {
    offer_token(std::move(proof.token));  // for the next try
  }
}

std::string Session::client_address() const { return client_.known() ? client_.text() : connection_.peer_host(); }

void Session::ask_hook(chat::Identity identity, Proof proof) {
  state_ = State::admitting;
  registering_ = std::make_unique<Registering>();
  connection_.pause_reading(Pause::registration);
  chat::ConnectRequest request{.user = identity.user, .token = proof.token, .remote_address = client_address()};
  auto answer = [&hub = services_.hub, key = key_, identity = std::move(identity),
                 proof = std::move(proof)](chat::Result<std::string> user) mutable {
    Session* session = hub.find(key);
    if (session != nullptr) session->hook_answered(std::move(identity), std::move(proof), std::move(user));
  };
  services_.hub.gate().spawn(ask(*services_.connect_hook, std::move(request), std::move(answer)));
}

void Session::hook_answered(chat::Identity identity, Proof proof, chat::Result<std::string> user) {
  chat::Result<void> admitted;
  if (user) {
    identity.user = *std::move(user);
    admitted = services_.gatekeeper.still_admits(identity);
    if (admitted) admitted = find_room(identity.user);
  } else {
    admitted = std::unexpected(std::move(user).error());
  }
  if (admitted) {
    enter(std::move(identity), std::move(proof));
    return;
  }
  const std::unique_ptr<Registering> kept = std::move(registering_);
  state_ = State::unregistered;
  connection_.resume_reading(Pause::registration);
  refuse_registration(admitted.error(), std::move(proof));
  for (const std::string& text : kept->frames_in) {
    if (connection_.open()) on_text(text);
  }
}

// A fresh token for the same user: the session goes on under it. One that is not good changes nothing: the old one has
// time left, or is found to have none.
void Session::renew(const wire::RegisterFrame& frame) {
  if (frame.from != user_) {
    send_error(
        {ErrorCode::already_registered, "this connection is registered for another user; send unregister first"});
    return;
  }
  const auto identity = services_.gatekeeper.admit(frame.from, frame.token);
  if (!identity) {
    services_.probe.registration_refused();
    send_error(identity.error());
    return;
  }
  bind_to(*identity);
  services_.probe.registration_renewed();
  send_registered();
}

void Session::bind_to(const chat::Identity& identity) {
  credential_.reset();
  if (!identity.valid_for && identity.issued_s == 0 && identity.token_id.empty()) return;
  credential_ = std::make_unique<Credential>();
  if (identity.valid_for) credential_->expires_s = clock_s() + static_cast<std::uint32_t>(identity.valid_for->count());
  credential_->issued_s = static_cast<std::uint32_t>(std::min<std::int64_t>(identity.issued_s, Credential::kNever));
  credential_->token_hash = hash_of_token_id(identity.token_id);
  watch_expiry();
}

bool Session::expires_soon() const {
  return credential_ && credential_->expires_s <= clock_s() + Hub::kHeartbeatRounds;
}

void Session::watch_expiry() {
  if (expiry_watched_ || !expires_soon()) return;
  expiry_watched_ = true;
  services_.hub.watch_expiry(*this);
}

bool Session::check_expiry() {
  if (connection_.open() && credential_ && clock_s() >= credential_->expires_s) {
    services_.probe.session_expired();
    connection_.close(wire::kCloseUnauthorized, "the token has expired");
  }
  expiry_watched_ = connection_.open() && expires_soon();
  return expiry_watched_;
}

}  // namespace simplechat::sv_websocket

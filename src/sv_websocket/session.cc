#include "sv_websocket/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "runtime/trace.h"
#include "sv_websocket/hub.h"
#include "sv_websocket/publisher.h"
#include "sv_websocket/registrar.h"
#include "sv_websocket/router.h"
#include "wire/close_code.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

using chat::ErrorCode;

// A peer that was silent for the first is pinged, one silent for the second is taken for gone. Phones' networks keep
// idle connections for some minutes; proxies in front often for 60 s only.
constexpr std::uint32_t kPingAfterMs = 25'000;
constexpr std::uint32_t kGoneAfterMs = 60'000;

// Deliveries kept back while the directory is asked. Beyond: dropped, and a resync follows the registration.
constexpr std::size_t kRegisteringBytesMax = std::size_t{256} * 1024;

}  // namespace

// By std::chrono::steady_clock and none that is cheaper to ask: it is the one that the simulation moves.
std::uint32_t Session::clock_s() {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

Session::Session(SessionServices& services, Transport& transport, SessionKey key, int fd,
                 std::unique_ptr<runtime::TlsStream> tls, IpAddress client, ConnectionLimits limits)
    : services_(services),
      connection_(transport, fd, std::move(tls), *this, limits),
      client_(client),
      key_(key),
      heard_ms_(now_ms()) {}

Session::~Session() {
  leave();
  if (services_.clients != nullptr) services_.clients->addresses.leave(client_.subscriber());
}

void Session::on_text(std::string_view text) {
  heard_ms_ = now_ms();
  pinged_ = false;
  if (registering_) {
    registering_->frames_in.emplace_back(text);
    return;
  }
  if (const std::uint32_t wait_ms = take_frames(1, Limit::frames)) {
    refuse_for_rate(text, wait_ms);
    return;
  }
  const auto frame = services_.parser.parse(text);
  if (!frame) {
    services_.probe.frame_refused();
    send_error(frame.error().error, frame.error().id, frame.error().ref);
    return;
  }
  services_.probe.frame_received(frame->index());
  std::visit([this](const auto& known) { handle(known); }, *frame);
}

void Session::on_binary(std::string_view /*bytes*/) {
  connection_.close(wire::kCloseUnsupportedData, "frames are JSON in text messages");
}

void Session::on_pong() {
  heard_ms_ = now_ms();
  pinged_ = false;
  static_cast<void>(take_frames(1, Limit::frames));
}

// RFC 6455 5.5.3: of several pings only the latest need be answered.
bool Session::on_ping() { return take_frames(1, Limit::frames) == 0; }

void Session::on_closed() { services_.hub.destroy(key_); }

std::string Session::id() const {
  return fmt::format("{}-{}-{}-{}", services_.instance_id, services_.hub.reactor().index(), key_.slot, key_.generation);
}

SessionInfo Session::info() const {
  const bool told_by_proxy = client_.known() && IpAddress::parse(connection_.peer_host()) != client_;
  return {.session = id(),
          .user = user_,
          .device = device_ ? *device_ : std::string{},
          .address = told_by_proxy ? client_.text() : connection_.peer_address(),
          .registered_for_s = clock_s() - registered_s_,
          .silent_for_s = TurnClock::elapsed_ms(heard_ms_, now_ms()) / 1000,
          .unsent_bytes = connection_.outbox_bytes()};
}

void Session::check_heartbeat() {
  rate_refusals_ = 0;
  const std::uint32_t silent_ms = TurnClock::elapsed_ms(heard_ms_, now_ms());
  watch_expiry();
  if (silent_ms > kGoneAfterMs) {
    services_.probe.heartbeat_missed();
    connection_.close(wire::kCloseHeartbeatMissed, "heartbeat missed");
  } else if (silent_ms > kPingAfterMs && !pinged_) {
    pinged_ = true;
    connection_.send_ping();
  }
}

void Session::deliver(std::string_view frame, chat::FrameClass frame_class) {
  if (!registering_) {
    services_.probe.frame_given();
    if (view_) view_->add(frame);
    if (runtime::trace::any()) trace_delivery(frame);
    connection_.send_text(frame, frame_class);
    return;
  }
  if (frame_class == chat::FrameClass::ephemeral) return;
  if (registering_->bytes_out + frame.size() > kRegisteringBytesMax) {
    registering_->overflowed = true;
    return;
  }
  registering_->bytes_out += frame.size();
  registering_->frames_out.emplace_back(frame);
}

void Session::trace_delivery(std::string_view frame) const {
  const auto message = wire::normal_ids(frame);
  if (message) runtime::trace::event("message_delivered", message->id, message->from, message->to, "session", id());
}

void Session::acknowledge(std::string_view id, std::string_view to, chat::Timestamp at) {
  services_.scratch.clear();
  wire::append_ack(services_.scratch, id, to, at);
  connection_.send_text(services_.scratch);
}

void Session::handle(const wire::RegisterFrame& frame) {
  if (state_ == State::registered && !frame.token.empty() && services_.gatekeeper.reads_tokens()) {
    renew(frame);
    return;
  }
  if (state_ != State::unregistered) {
    send_error({ErrorCode::already_registered, "this connection is registered; send unregister first"});
    return;
  }
  device_ = frame.device.empty() ? nullptr : std::make_unique<const std::string>(frame.device);
  Proof proof = take_proof(frame);
  auto identity = services_.gatekeeper.admit(frame.from, proof.token);
  if (!identity) {
    refuse_registration(identity.error(), std::move(proof));
  } else if (services_.connect_hook != nullptr) {
    ask_hook(*std::move(identity), std::move(proof));
  } else if (const auto room = find_room(identity->user); !room) {
    refuse_registration(room.error(), std::move(proof));
  } else {
    enter(*std::move(identity), std::move(proof));
  }
}

void Session::enter(chat::Identity identity, Proof proof) {
  bind_to(identity);
  user_ = std::move(identity.user);
  state_ = State::registering;
  if (!registering_) registering_ = std::make_unique<Registering>();  // the hook has not been asked
  if (proof.offered) registering_->offered = std::move(proof.token);
  connection_.pause_reading(Pause::registration);
  // First the roster, then the directory: whoever finds the record must find the session.
  const Roster::Change change = services_.hub.add(*this);
  services_.registrar.ensure(user_, change.fence, services_.hub.reactor(),
                             [&hub = services_.hub, key = key_](const chat::Result<void>& outcome) {
                               if (Session* session = hub.find(key)) session->registration_ended(outcome);
                             });
}

void Session::send_registered() {
  services_.scratch.clear();
  wire::append_registered(services_.scratch, user_, id(), services_.clock.now());
  connection_.send_text(services_.scratch);
}

void Session::registration_ended(const chat::Result<void>& outcome) {
  const std::unique_ptr<Registering> kept = std::move(registering_);
  connection_.resume_reading(Pause::registration);
  if (outcome) {
    state_ = State::registered;
    services_.probe.registered();
    registered_s_ = clock_s();
    send_registered();
    view_ = std::make_unique<View>();
    check_view_later();
    for (const std::string& frame : kept->frames_out) {
      view_->add(frame);
      if (runtime::trace::any()) trace_delivery(frame);
      connection_.send_text(frame);
    }
    if (kept->overflowed) send_resync();
  } else {
    services_.probe.registration_refused();
    leave();
    send_error(outcome.error());
    if (!kept->offered.empty()) offer_token(std::move(kept->offered));  // for the next try
  }
  for (const std::string& text : kept->frames_in) {
    if (connection_.open()) on_text(text);  // it may have been revoked meanwhile
  }
}

void Session::leave() {
  if (state_ == State::unregistered) return;
  if (state_ == State::registered) services_.probe.unregistered();
  const bool entered = state_ != State::admitting;
  state_ = State::unregistered;
  messages_granted_ = 0;
  registering_.reset();
  if (!entered) return;
  drop_waiting();
  view_.reset();
  credential_.reset();
  device_.reset();
  const Roster::Change change = services_.hub.remove(*this);
  if (!change.present) services_.registrar.release(user_, change.fence);
  user_.clear();
}

void Session::handle(const wire::UnregisterFrame& frame) {
  if (!may_act(frame.from, {}, {})) return;
  leave();
  services_.scratch.clear();
  wire::append_unregistered(services_.scratch);
  connection_.send_text(services_.scratch);
}

void Session::handle(const wire::HistoryFrame& frame) {
  if (!may_request(frame.from, frame.ref)) return;
  request(chat::HistoryQuery{.user = user_,
                             .with = std::string(frame.with),
                             .before = frame.before,
                             .after = frame.after,
                             .limit = frame.limit},
          frame.ref,
          [with = std::string(frame.with)](std::string& out, std::string_view ref, const chat::HistoryPage& page) {
            wire::append_history(out, ref, with, page);
          });
}

void Session::handle(const wire::SyncFrame& frame) {
  if (!may_request(frame.from, frame.ref)) return;
  request(
      chat::SyncQuery{.user = user_, .cursor = std::string(frame.cursor), .limit = frame.limit, .latest = frame.latest},
      frame.ref, wire::append_sync);
}

void Session::handle(const wire::ConversationsFrame& frame) {
  if (!may_request(frame.from, frame.ref)) return;
  request(chat::ConversationsQuery{.user = user_, .before = frame.before, .limit = frame.limit}, frame.ref,
          wire::append_conversations);
}

void Session::handle(const wire::PingFrame& frame) {
  // Also before registering: a client may look whether anybody is there.
  if (!frame.from.empty() && !may_act(frame.from, {}, frame.ref)) return;
  services_.scratch.clear();
  wire::append_pong(services_.scratch, frame.ref, services_.clock.read());
  connection_.send_text(services_.scratch);
}

namespace {

chat::Task<chat::Result<chat::HistoryPage>> read_page(chat::MessageReader& reader, const chat::HistoryQuery& query) {
  return reader.history(query);
}
chat::Task<chat::Result<chat::SyncPage>> read_page(chat::MessageReader& reader, const chat::SyncQuery& query) {
  return reader.sync(query);
}
chat::Task<chat::Result<chat::ConversationsPage>> read_page(chat::MessageReader& reader,
                                                            const chat::ConversationsQuery& query) {
  return reader.conversations(query);
}

template <class Page>
chat::Timestamp latest_at(const Page& page) {
  chat::Timestamp latest = 0;
  for (const chat::MessageView message : page.messages) latest = std::max(latest, message.at);
  return latest;
}
chat::Timestamp latest_at(const chat::ConversationsPage& page) {
  return page.conversations.empty() ? 0 : page.conversations.front().last.at;
}

// A coroutine of its own, not a member: the session may be gone before the store answers.
template <class Query, class Answer>
chat::Task<void> answer_request(chat::MessageReader& reader, Query query, Answer answer) {
  const auto page = co_await read_page(reader, query);
  answer(page);
}

}  // namespace

template <class Query, class Encode>
void Session::request(Query query, std::string_view ref, Encode encode) {
  ++requests_;
  auto answer = [&services = services_, key = key_, user = user_, ref = std::string(ref), encode](const auto& page) {
    Session* session = services.hub.find(key);
    if (session == nullptr) return;
    --session->requests_;
    if (session->user_ != user) {
      session->send_error({ErrorCode::not_registered, "the session ended before there was an answer"}, {}, ref);
      return;
    }
    if (!page) {
      session->send_error(page.error(), {}, ref);
      return;
    }
    session->note_answer(*page);
    // What the user now knows of must sort before what he answers.
    services.clock.observe(latest_at(*page));
    services.scratch.clear();
    encode(services.scratch, ref, *page);
    if (!session->connection_.send_answer(services.scratch)) {
      session->send_error({ErrorCode::rate_limited, "read what was sent before asking for more"}, {}, ref, kRetryMsMin);
    }
  };
  services_.hub.gate().spawn(answer_request(services_.reader, std::move(query), std::move(answer)));
}

void Session::note_answer(const chat::SyncPage& page) {
  if (!view_ && page.withheld && !page.more) {
    view_ = std::make_unique<View>();
    check_view_later();
  }
  if (!view_) return;
  view_->cursor.reset();  // a session that reads on sees the rest by itself
  if (!page.more) view_->cursor = page.cursor;
}

void Session::check_view_later() {
  view_->until = std::chrono::steady_clock::now() + MissedUsers::kCheckAfter;
  services_.hub.check_later(*this);
}

void Session::check_view(std::chrono::steady_clock::time_point now) {
  if (!view_ || now < view_->until) return;  // it has left, and perhaps registered anew
  if (!view_->cursor && requests_ > 0) {     // perhaps its first sync, which may have been asked before that commit
    check_view_later();
    return;
  }
  if (!view_->cursor || view_->overflowed) {
    const std::unique_ptr<View> view = std::move(view_);
    if (view->cursor) send_resync();  // otherwise it does not sync, or is still at it
    return;
  }
  chat::SyncQuery query{.user = user_, .cursor = *view_->cursor, .limit = chat::kPageSizeMax};
  auto look = [&hub = services_.hub, key = key_, user = user_, until = view_->until,
               asked = query.cursor](const auto& page) {
    Session* session = hub.find(key);
    if (session == nullptr || session->user_ != user || !session->view_ || session->view_->until != until) return;
    if (session->view_->cursor != asked) {  // it has synced meanwhile
      session->check_view_later();
      return;
    }
    const bool shown = page && session->view_->take(*page);
    if (shown && page->withheld) {
      session->check_view_later();
      return;
    }
    session->view_.reset();
    if (!shown) session->send_resync();
  };
  services_.hub.gate().spawn(answer_request(services_.reader, std::move(query), std::move(look)));
}

void Session::check_known() {
  if (known_ || state_ != State::unregistered || !connection_.open()) return;
  services_.probe.limited(Limit::register_timeout);
  connection_.close(wire::kCloseRegisterTimeout, "nobody has registered on this connection");
}

void Session::View::add(std::string_view frame) {
  if (frames.size() < kViewFramesMax) {
    frames.push_back(std::hash<std::string_view>{}(frame));
  } else {
    overflowed = true;
  }
}

// A message has one encoding, so its frame tells whether it was seen.
bool Session::View::take(const chat::SyncPage& page) {
  if (page.more) return false;
  std::string frame;
  for (const chat::MessageView message : page.messages) {
    frame.clear();
    wire::append_normal(frame, message);
    const auto seen = std::ranges::find(frames, std::hash<std::string_view>{}(frame));
    if (seen == frames.end()) return false;
    *seen = frames.back();
    frames.pop_back();
  }
  cursor = page.cursor;
  return true;
}

bool Session::resync() {
  if (state_ != State::registered) return false;
  send_resync();
  return true;
}

void Session::send_resync() {
  services_.probe.resync_sent();
  services_.scratch.clear();
  wire::append_resync(services_.scratch);
  connection_.send_text(services_.scratch);
}

bool Session::may_act(std::string_view from, std::string_view id, std::string_view ref) {
  if (state_ != State::registered) {
    send_error({ErrorCode::not_registered, "send register first"}, id, ref);
    return false;
  }
  if (!from.empty() && from != user_) {
    send_error({ErrorCode::forbidden, "from is not the user that this connection is registered for"}, id, ref);
    return false;
  }
  return true;
}

bool Session::may_request(std::string_view from, std::string_view ref) {
  if (!may_act(from, {}, ref)) return false;
  if (const std::uint32_t wait_ms = take_frames(kRequestFrames - 1, Limit::requests)) {
    send_error({ErrorCode::rate_limited, "too many requests on this connection"}, {}, ref,
               std::max<std::int64_t>(wait_ms, kRetryMsMin));
    return false;
  }
  if (requests_ < kRequestsMax) return true;
  services_.probe.limited(Limit::requests);
  send_error({ErrorCode::rate_limited, "too many requests at once on this connection"}, {}, ref, kRetryMsMin);
  return false;
}

std::uint32_t Session::now_ms() const { return services_.turn_clock.now_ms(); }

std::uint32_t Session::take_frames(std::uint32_t frames, Limit limit) {
  const std::uint32_t wait_ms = frames_.take(services_.frame_rate, frames * kFrameUnits, now_ms());
  if (wait_ms == 0) [[likely]]
    return 0;
  services_.probe.limited(limit);
  if (++rate_refusals_ > kRateRefusalsMax) {
    rate_refusals_ = 0;
    if (!connection_.slowed()) services_.probe.limited(Limit::throttled);
    connection_.slow_down(kThrottleMs);
  }
  return wait_ms;
}

// The frame is read for its id only, which tells the client what to send again.
void Session::refuse_for_rate(std::string_view text, std::uint32_t wait_ms) {
  std::string_view id;
  std::string_view ref;
  const auto frame = services_.parser.parse(text);
  if (frame) {
    std::visit(
        [&](const auto& known) {
          if constexpr (requires { known.id; }) id = known.id;
          if constexpr (requires { known.ref; }) ref = known.ref;
        },
        *frame);
  } else {
    id = frame.error().id;
    ref = frame.error().ref;
  }
  send_error({ErrorCode::rate_limited, "too many frames on this connection; send this one again later"}, id, ref,
             std::max<std::int64_t>(wait_ms, kRetryMsMin));
}

void Session::send_error(const chat::Error& error, std::string_view id, std::string_view ref, std::int64_t retry_ms) {
  std::string frame;
  wire::append_error(frame, error, id, ref, retry_ms);
  connection_.send_text(frame);
}

}  // namespace simplechat::sv_websocket

// Session: what a client sends to others. Messages, with the application's word on them where there is a send hook,
// typing and marks.

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/trace.h"
#include "sv_websocket/hub.h"
#include "sv_websocket/publisher.h"
#include "sv_websocket/router.h"
#include "sv_websocket/session.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

using chat::ErrorCode;

}  // namespace

void route_message(SessionServices& services, const chat::MessageView& message, SessionKey sender,
                   Handovers::Ticket ticket) {
  services.scratch.clear();
  wire::append_normal(services.scratch, message);
  chat::DeliveryView delivery{.user = message.to, .frame = services.scratch};
  // A message to oneself reaches the sending session too; otherwise the sender's other sessions get a copy.
  const bool to_self = message.to == message.from;
  services.router.deliver(delivery, message.at, to_self ? SessionKey{} : sender, ticket);
  services.router.message_routed(message.to);
  if (to_self) return;
  delivery.user = message.from;
  services.router.deliver(delivery, message.at, sender, ticket);
  services.router.message_routed(message.from);
}

void Session::handle(const wire::NormalFrame& frame) {
  if (!may_act(frame.from, frame.id, {})) return;
  if (frame.to.starts_with('#')) {
    send_error({ErrorCode::not_found, "there is no such group"}, frame.id);
    return;
  }
  if (!take_message(frame.id)) return;
  if (services_.approvals != nullptr) {
    if (may_reach(frame.to, frame.id)) ask_about(frame);
  } else {
    accept(frame.id, frame.to, frame.payload, key_);
  }
}

bool Session::may_reach(std::string_view to, std::string_view id) {
  const chat::Error* const refusal = services_.contacts.refusal(user_, to);
  if (refusal == nullptr) [[likely]]
    return true;
  services_.probe.blocked(Blocked::message);
  send_error(*refusal, id);
  return false;
}

std::string Session::make_message_id(chat::Timestamp at) const {
  return fmt::format("{:x}-{}", at, services_.instance_id);
}

// It gets its time when it is accepted: times rise in the order in which a gateway hands messages on.
void Session::ask_about(const wire::NormalFrame& frame) {
  std::string id = frame.id.empty() ? make_message_id(services_.clock.now()) : std::string(frame.id);
  chat::Message message{.id = id, .from = user_, .to = std::string(frame.to), .payload = std::string(frame.payload)};
  if (!services_.approvals->add(key_, std::move(message))) {
    services_.probe.message_refused();
    send_error(
        {ErrorCode::unavailable,
         "not accepted: too much waits for the application's word, or this gateway is shutting down; send it again"},
        id);
    return;
  }
  if (services_.approvals->full(key_)) connection_.pause_reading(Pause::approvals);
}

void Session::decided(const chat::Message& message, const chat::Result<chat::Approval>& approval) {
  if (!connection_.open()) return;  // it may have been closed for who its user is; and there is nobody to be told
  if (approval) {
    // Who shows another text than what became of it learns of that, too.
    accept(message.id, message.to, approval->payload, approval->replaced ? SessionKey{} : key_);
  } else {
    send_error(approval.error(), message.id);
  }
}

void Session::accept(std::string_view given_id, std::string_view to, std::string_view payload, SessionKey sender) {
  if (!may_reach(to, given_id)) return;
  const chat::Timestamp at = services_.clock.now();
  const std::string made_id = given_id.empty() ? make_message_id(at) : std::string{};
  const chat::MessageView message{.id = given_id.empty() ? std::string_view(made_id) : given_id,
                                  .from = user_,
                                  .to = to,
                                  .payload = payload,
                                  .at = at};
  Handovers& handovers = services_.router.handovers();
  const Handovers::Ticket ticket = handovers.open();
  if (!services_.publisher.add({.session = key_, .ticket = ticket}, message)) {
    handovers.done(ticket);
    services_.probe.message_refused();
    send_error({ErrorCode::unavailable,
                "not accepted: too much is waiting for the queue, or this gateway is shutting down; send it again"},
               message.id);
    return;
  }
  services_.probe.message_accepted();
  if (runtime::trace::any()) runtime::trace::event("message_accepted", message.id, user_, message.to, "session", id());
  route_message(services_, message, sender, ticket);
  handovers.done(ticket);
  if (view_) view_->add(services_.scratch);
  if (services_.publisher.congested()) {
    connection_.pause_reading(Pause::queue);
    services_.hub.pause(*this);
  }
}

void Session::handle(const wire::TypingFrame& frame) {
  if (!may_act(frame.from, {}, {}) || frame.to.starts_with('#')) return;
  if (services_.contacts.refusal(user_, frame.to) != nullptr) {
    services_.probe.blocked(Blocked::typing);
    return;
  }
  services_.scratch.clear();
  wire::append_typing(services_.scratch, user_, frame.to);
  services_.router.deliver({.user = frame.to, .frame = services_.scratch, .frame_class = chat::FrameClass::ephemeral},
                           0, key_);
}

void Session::handle(const wire::MarkFrame& frame) {
  if (!may_act(frame.from, {}, {})) return;
  // Nobody has read what is still to come.
  const chat::Timestamp at = std::min(frame.at, services_.clock.now());
  const chat::Mark mark{.user = user_, .with = std::string(frame.with), .kind = frame.kind, .at = at};
  services_.publisher.add(mark);
  services_.scratch.clear();
  wire::append_mark(services_.scratch, mark);
  // The other side learns how far it was read, the reader's own other devices that they need not show it as unread.
  if (frame.with != user_ && !frame.with.starts_with('#')) {
    if (services_.contacts.refusal(user_, frame.with) != nullptr) {
      services_.probe.blocked(Blocked::mark);
    } else {
      services_.router.deliver({.user = frame.with, .frame = services_.scratch}, 0, key_);
    }
  }
  services_.router.deliver({.user = user_, .frame = services_.scratch}, 0, key_);
}

bool Session::take_message(std::string_view id) {
  if (messages_granted_ == 0) {
    const std::uint32_t wait_ms = services_.clients == nullptr ? 0
                                                               : services_.clients->messages.take(
                                                                     user_, kMessagesGranted * kFrameUnits, now_ms());
    if (wait_ms != 0) {
      services_.probe.limited(Limit::user_messages);
      send_error({ErrorCode::rate_limited, "too many messages of this user; send this one again later"}, id, {},
                 std::max<std::int64_t>(wait_ms, kRetryMsMin));
      return false;
    }
    messages_granted_ = kMessagesGranted;
  }
  --messages_granted_;
  return true;
}

// What has not been accepted is not: the client, if it still is there, may send it again.
void Session::drop_waiting() {
  if (services_.approvals == nullptr) return;
  for (const std::string& id : services_.approvals->drop(key_)) {
    send_error({ErrorCode::unavailable, "not accepted: the session ended before the application had its say"}, id);
  }
  connection_.resume_reading(Pause::approvals);
}

}  // namespace simplechat::sv_websocket

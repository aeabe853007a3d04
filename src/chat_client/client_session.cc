#include "chat_client/client_session.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "chat/message_store.h"
#include "chat_client/message_id.h"
#include "wire/client_frame_writer.h"
#include "wire/close_code.h"

namespace simplechat::chat_client {
namespace {

constexpr std::uint16_t kCloseFinal = 4500;  // from here to 4999 the server asks not to come back
constexpr std::uint16_t kCloseFinalMax = 4999;
constexpr std::array<std::string_view, 3> kRegisterErrorsFinal = {"unauthorized", "forbidden", "bad_frame"};

bool may_be_repeated(std::string_view code) { return code == "unavailable" || code == "rate_limited"; }

bool is_due(const std::optional<Instant>& at, Instant now) { return at && *at <= now; }

std::string describe(const wire::server::Error& error) {
  return error.message.empty() ? error.code : error.message + " (" + error.code + ")";
}

}  // namespace

TokenSource fixed_token(std::string token) {
  return [token = std::move(token)] { return token; };
}

ClientSession::ClientSession(SessionOptions options, Random random, std::function<std::uint64_t()> unix_ms)
    : options_(std::move(options)), random_(std::move(random)), unix_ms_(std::move(unix_ms)), feed_(random_) {}

void ClientSession::start(Instant now) {
  assert(state_ == State::idle);
  if (options_.history_count > 0) {
    if (options_.receives) feed_.hold_for_history(true, now);
    history_.push_back(
        {.with = options_.history_with, .missing = std::min(options_.history_count, kHistoryMax), .is_first = true});
  }
  open(now);
}

// --- the link ---

void ClientSession::open(Instant now) {
  auto token = options_.token();
  if (!token) return lose(std::move(token.error()), Milliseconds(0), now);
  token_ = *std::move(token);
  order_.open = true;
  state_ = State::connecting;
  answer_at_ = now + kAnswerMax;
  retry_at_.reset();
}

void ClientSession::link_opened(Instant now) {
  if (state_ != State::connecting) return;
  state_ = State::registering;
  answer_at_ = now + kAnswerMax;
  wire::client::append_register(frames_.emplace_back(), options_.me, token_);
}

void ClientSession::link_lost(const LinkLoss& loss, Instant now) {
  if (state_ == State::waiting || state_ == State::ended || state_ == State::idle) return;
  const bool token_expired = state_ == State::online && loss.close_code == wire::kCloseUnauthorized;
  if (token_expired && has_another_token()) return lose(loss.reason, Milliseconds(0), now);
  if (loss.close_code >= kCloseFinal && loss.close_code <= kCloseFinalMax) return end(loss.reason, true);
  if (loss.is_final) return end(loss.reason, loss.is_unauthorized);
  lose(loss.reason, Milliseconds(0), now);
}

// Or may have one, once it can be read.
bool ClientSession::has_another_token() const {
  const auto token = options_.token();
  return !token || *token != token_;
}

// Forgets what belongs to one connection.
void ClientSession::leave_connection() {
  frames_.clear();
  for (auto* at : {&answer_at_, &ping_at_, &pong_at_, &drain_at_, &outbox_retry_at_, &marks_at_, &sync_answer_at_,
                   &history_answer_at_}) {
    at->reset();
  }
  sync_ref_.clear();
  history_ref_.clear();
  outbox_.unsend_all();
  feed_.offline();
}

void ClientSession::lose(std::string reason, Milliseconds at_least, Instant now) {
  leave_connection();
  order_ = {.drop = true};
  state_ = State::waiting;
  trouble_ = std::move(reason);
  const Milliseconds delay = std::max(at_least, connect_jitter_.next(random_));
  retry_at_ = now + delay;
  events_.emplace_back(Waiting{.reason = trouble_, .delay = delay});
}

void ClientSession::end(std::string reason, bool unauthorized) {
  leave_connection();
  order_ = {.drop = true};
  state_ = State::ended;
  retry_at_.reset();
  trouble_ = reason;
  events_.emplace_back(Ended{.reason = std::move(reason), .unauthorized = unauthorized});
}

// --- time ---

std::optional<Instant> ClientSession::next_wake() const {
  std::optional<Instant> next;
  for (const auto& at : {retry_at_, answer_at_, ping_at_, pong_at_, drain_at_, outbox_retry_at_, marks_at_,
                         sync_answer_at_, history_answer_at_, feed_.next_wake()}) {
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

void ClientSession::wake(Instant now) {
  if (is_due(retry_at_, now)) open(now);
  check_deadlines(now);
  if (state_ != State::online) return;
  if (is_due(drain_at_, now)) {
    leave_connection();
    order_.drop = true;
    events_.emplace_back(Waiting{.reason = "the server is going away", .delay = Milliseconds(0)});
    return open(now);
  }
  if (is_due(ping_at_, now)) {
    wire::client::append_ping(frames_.emplace_back(), "p");
    ping_at_ = now + kPingEvery;
    if (!pong_at_) pong_at_ = now + kAnswerMax;
  }
  if (is_due(marks_at_, now)) flush_marks(now);
  advance(now);
}

void ClientSession::check_deadlines(Instant now) {
  if (is_due(answer_at_, now) || is_due(pong_at_, now)) return lose("the server does not answer", Milliseconds(0), now);
  const auto timeout = [](std::string ref) {
    return wire::server::Error{
        .code = "unavailable", .message = "the server does not answer", .id = {}, .ref = std::move(ref), .retry_ms = 0};
  };
  if (is_due(sync_answer_at_, now)) handle(timeout(sync_ref_), now);
  if (is_due(history_answer_at_, now)) handle(timeout(history_ref_), now);
}

// --- frames from the server ---

void ClientSession::frame_received(std::string_view text, Instant now) {
  if (state_ != State::registering && state_ != State::online) return;
  auto frame = reader_.read(text);
  if (!frame)
    return lose("the server sent what is not of the contract: " + frame.error().message, Milliseconds(0), now);
  std::visit([this, now](auto&& known) { handle(std::forward<decltype(known)>(known), now); }, *std::move(frame));
  advance(now);
}

void ClientSession::handle(wire::server::Registered frame, Instant now) {
  if (state_ != State::registering) return;
  state_ = State::online;
  answer_at_.reset();
  ping_at_ = now + kPingEvery;
  connect_jitter_.reset();
  outbox_jitter_.reset();
  trouble_.clear();
  if (options_.receives) feed_.online(frame.at);
  events_.emplace_back(Online{});
  if (!marks_.empty()) flush_marks(now);
}

// Nobody asked for it: another registration will do.
void ClientSession::handle(wire::server::Unregistered /*frame*/, Instant now) {
  lose("the server ended the registration", Milliseconds(0), now);
}

void ClientSession::handle(wire::server::Ack frame, Instant now) {
  outbox_jitter_.reset();
  settle(frame.id, frame.to, frame.at, now);
}

void ClientSession::settle(std::string_view id, std::string_view to, chat::Timestamp at, Instant now) {
  auto message = outbox_.settle(id, to);
  if (!message) return;
  message->at = at;
  events_.emplace_back(Acked{*message});
  if (options_.receives) feed_.live(*std::move(message), now);
}

void ClientSession::handle(wire::server::Normal frame, Instant now) {
  if (!options_.receives) return;
  const chat::Message& message = frame.message;
  if (message.from == options_.me && outbox_.contains(message.id, message.to)) return;  // its ack follows
  feed_.live(std::move(frame.message), now);
}

void ClientSession::handle(wire::server::Typing frame, Instant /*now*/) {
  if (frame.from != options_.me) events_.emplace_back(Typing{.from = std::move(frame.from), .to = std::move(frame.to)});
}

void ClientSession::handle(chat::Mark mark, Instant /*now*/) { events_.emplace_back(Marked{std::move(mark)}); }

void ClientSession::handle(wire::server::Resync /*frame*/, Instant /*now*/) { feed_.resync(); }

// The server is going away: leave at a random moment of the time that it gives.
void ClientSession::handle(wire::server::Draining frame, Instant now) {
  if (state_ == State::online)
    drain_at_ = now + random_wait(std::min(Milliseconds(frame.after_ms), kDrainMax), random_);
}

void ClientSession::handle(wire::server::Pong /*frame*/, Instant /*now*/) { pong_at_.reset(); }

void ClientSession::handle(wire::server::Other /*frame*/, Instant /*now*/) {}

void ClientSession::handle(wire::server::Error error, Instant now) {
  if (state_ == State::registering) return registration_refused(error, now);
  if (!error.ref.empty() && error.ref == sync_ref_) {
    sync_ref_.clear();
    sync_answer_at_.reset();
    return feed_.failed(error.code, Milliseconds(error.retry_ms), now);
  }
  if (!error.ref.empty() && error.ref == history_ref_) return history_failed(error, now);
  if (!error.id.empty()) return message_refused(error, now);
  if (error.code == "not_registered") return lose(describe(error), Milliseconds(0), now);
  if (error.ref.empty()) events_.emplace_back(Notice{describe(error)});
}

void ClientSession::registration_refused(const wire::server::Error& error, Instant now) {
  const bool is_final = std::ranges::find(kRegisterErrorsFinal, error.code) != kRegisterErrorsFinal.end();
  if (is_final) return end(describe(error), error.code != "bad_frame");
  lose(describe(error), Milliseconds(error.retry_ms), now);
}

void ClientSession::message_refused(const wire::server::Error& error, Instant now) {
  if (error.code == "not_registered") return lose(describe(error), Milliseconds(0), now);
  if (may_be_repeated(error.code)) {
    outbox_.unsend(error.id);
    const Instant due = now + std::max(Milliseconds(error.retry_ms), outbox_jitter_.next(random_));
    outbox_retry_at_ = outbox_retry_at_ ? std::max(*outbox_retry_at_, due) : due;
    return;
  }
  auto message = outbox_.settle(error.id, {});
  if (message) events_.emplace_back(Refused{.message = *std::move(message), .reason = describe(error)});
}

// --- pages ---

void ClientSession::handle(wire::server::Sync page, Instant now) {
  if (page.ref.empty() || page.ref != sync_ref_) return;
  sync_ref_.clear();
  sync_answer_at_.reset();
  // A message that the store holds needs no ack any more.
  for (const chat::Message& message : page.messages) {
    if (message.from == options_.me) settle(message.id, message.to, message.at, now);
  }
  feed_.answered(std::move(page.messages), std::move(page.cursor), page.more, now);
}

void ClientSession::handle(wire::server::History page, Instant now) {
  if (page.ref.empty() || page.ref != history_ref_) return;
  history_ref_.clear();
  history_answer_at_.reset();
  HistoryRequest& request = history_.front();
  // Without progress the next page would be the same one.
  const bool more = page.more && !page.messages.empty() && page.messages.size() < request.missing;
  request.missing -= std::min(request.missing, page.messages.size());
  request.messages.insert(request.messages.begin(), std::make_move_iterator(page.messages.begin()),
                          std::make_move_iterator(page.messages.end()));
  if (!more) finish_history(now);
}

void ClientSession::finish_history(Instant now) {
  HistoryRequest request = std::move(history_.front());
  history_.pop_front();
  for (const chat::Message& message : request.messages) {
    if (message.from == options_.me) settle(message.id, message.to, message.at, now);
  }
  feed_.shown_by_history(request.messages);
  events_.emplace_back(HistoryLoaded{.with = std::move(request.with), .messages = std::move(request.messages)});
  if (request.is_first && options_.receives) feed_.hold_for_history(false, now);
}

void ClientSession::history_failed(const wire::server::Error& error, Instant now) {
  history_ref_.clear();
  history_answer_at_.reset();
  const HistoryRequest request = std::move(history_.front());
  history_.pop_front();
  events_.emplace_back(
      HistoryFailed{.with = request.with, .reason = describe(error), .may_be_repeated = may_be_repeated(error.code)});
  if (request.is_first && options_.receives) feed_.hold_for_history(false, now);
}

bool ClientSession::request_history(std::string with, std::size_t count, Instant now) {
  if (history_.size() >= kRequestsMax || count == 0) return false;
  history_.push_back({.with = std::move(with), .missing = std::min(count, kHistoryMax), .is_first = false});
  advance(now);
  return true;
}

void ClientSession::ask_for_pages(Instant now) {
  if (const auto request = feed_.take_request(now)) {
    sync_ref_ = next_ref("s");
    sync_answer_at_ = now + kAnswerMax;
    std::string& frame = frames_.emplace_back();
    if (request->latest) {
      wire::client::append_sync_latest(frame, sync_ref_);
    } else {
      wire::client::append_sync(frame, sync_ref_, request->cursor, chat::kPageSizeMax);
    }
  }
  // The first history is asked for behind the cursor, so that nothing falls between them.
  if (history_.empty() || !history_ref_.empty() || (history_.front().is_first && feed_.expects_first_cursor())) {
    return;
  }
  HistoryRequest& request = history_.front();
  history_ref_ = next_ref("h");
  history_answer_at_ = now + kAnswerMax;
  const std::size_t limit = std::min(request.missing, static_cast<std::size_t>(chat::kPageSizeMax));
  const auto before = request.messages.empty() ? std::nullopt : std::optional(request.messages.front().at);
  wire::client::append_history(frames_.emplace_back(), history_ref_, request.with, before, static_cast<int>(limit));
}

std::string ClientSession::next_ref(std::string_view kind) { return std::string(kind) + std::to_string(++refs_); }

// --- from the person or script ---

Submitted ClientSession::submit(wire::Draft draft, Instant now) {
  if (!outbox_.has_room()) return Submitted::full;
  if (draft.id.empty()) draft.id = make_message_id(unix_ms_(), random_(), random_());
  const bool is_new = outbox_.add(
      {.id = std::move(draft.id), .from = options_.me, .to = std::move(draft.to), .payload = std::move(draft.payload)},
      now);
  typing_told_at_.reset();
  advance(now);
  return is_new ? Submitted::taken : Submitted::repeated;
}

void ClientSession::tell_typing(const std::string& to, Instant now) {
  if (!online() || (typing_told_at_ && now - *typing_told_at_ < kTypingEvery)) return;
  typing_told_at_ = now;
  wire::client::append_typing(frames_.emplace_back(), to);
}

void ClientSession::mark(chat::MarkKind kind, const std::string& with, chat::Timestamp at, Instant now) {
  const auto [place, is_new] =
      marks_.try_emplace(with, chat::Mark{.user = options_.me, .with = with, .kind = kind, .at = at});
  if (!is_new) {
    place->second.at = std::max(place->second.at, at);
    if (kind == chat::MarkKind::read) place->second.kind = kind;
  }
  if (marks_.size() > kMarksMax) return flush_marks(now);
  if (!marks_at_ && online()) marks_at_ = now + kMarksEvery;
}

void ClientSession::flush_marks(Instant /*now*/) {
  marks_at_.reset();
  if (online()) {
    for (const auto& [with, mark] : marks_) wire::client::append_mark(frames_.emplace_back(), mark.kind, with, mark.at);
  }
  // Offline, beyond the bound: they are given up, as a later mark of the same conversation says more.
  if (online() || marks_.size() > kMarksMax) marks_.clear();
}

// --- what goes out ---

void ClientSession::advance(Instant now) {
  if (state_ == State::online) {
    flush_outbox(now);
    ask_for_pages(now);
  }
  for (chat::Message& message : feed_.take()) events_.emplace_back(Shown{std::move(message)});
}

void ClientSession::flush_outbox(Instant now) {
  if (outbox_retry_at_ && *outbox_retry_at_ > now) return;
  outbox_retry_at_.reset();
  for (Outbox::Entry& entry : outbox_.entries()) {
    if (entry.sent) continue;
    entry.sent = true;
    wire::client::append_normal(frames_.emplace_back(), entry.message.to, entry.message.id, entry.message.payload);
  }
}

LinkOrder ClientSession::take_order() { return std::exchange(order_, {}); }
std::vector<std::string> ClientSession::take_frames() { return std::exchange(frames_, {}); }
std::vector<Event> ClientSession::take_events() { return std::exchange(events_, {}); }

}  // namespace simplechat::chat_client

#include "chat_client/terminal_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "chat/ids.h"
#include "chat_client/safe_text.h"
#include "websocket/utf8.h"

namespace simplechat::chat_client {
namespace {

constexpr std::string_view kHelp[] = {
    "/to USER        talk to USER; shows the latest messages with them",
    "/history [N]    show the latest N messages (20) again",
    "/quit           leave; so do Ctrl-D and Ctrl-C",
    "//text          send a message that begins with /",
    "Alt-Enter writes a line break, the up arrow brings back what was written before",
};
// The terminal puts pasted text between marks, so that its line feeds do not send.
constexpr std::string_view kPasteMarksOn = "\x1b[?2004h";
constexpr std::string_view kPasteMarksOff = "\x1b[?2004l";

std::string messages(std::size_t count) { return fmt::format("{} message{}", count, count == 1 ? "" : "s"); }

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

}  // namespace

TerminalFront::TerminalFront(ClientSession& session, const Settings& settings, const Plan& plan, LocalTime local_time,
                             std::function<void()> suspend)
    : session_(session),
      history_(plan.history),
      transcript_(std::move(local_time), true),
      suspend_(std::move(suspend)),
      to_(settings.to) {}

void TerminalFront::start(Instant /*now*/) {
  printed_ += kPasteMarksOn;
  note(to_.empty() ? "you are " + session_.me() + "; /to USER begins a conversation, /help lists more"
                   : "you are " + session_.me() + ", writing to " + to_ + "; /help lists what else there is");
}

void TerminalFront::resize(std::size_t columns) {
  columns_ = std::max(columns, std::size_t{8});
  screen_.forget();
}

// --- events ---

void TerminalFront::handle(Event event, Instant now) {
  if (exit_code_ && !std::holds_alternative<Shown>(event)) return;  // one that came with the last ack is still shown
  std::visit([this, now](const auto& known) { on(known, now); }, event);
  if (leave_at_ && !exit_code_) finish_if_left(now);
}

void TerminalFront::on(const Online& /*event*/, Instant /*now*/) { trouble_.clear(); }

void TerminalFront::on(const Waiting& event, Instant /*now*/) {
  trouble_ = fmt::format("offline, trying again: {}", safe_line(event.reason));
  typing_.reset();
}

void TerminalFront::on(const Ended& event, Instant /*now*/) {
  finish(event.unauthorized ? kUnauthorized : kFailed, event.reason);
}

void TerminalFront::on(const Shown& event, Instant now) {
  const chat::Message& message = event.message;
  const std::string& partner = partner_of(message, session_.me());
  if (typing_ && typing_->first == message.from) typing_.reset();
  show(message);
  if (message.from == session_.me()) return;
  session_.mark(partner == to_ ? chat::MarkKind::read : chat::MarkKind::received, partner, message.at, now);
}

void TerminalFront::show(const chat::Message& message) {
  const bool is_here = partner_of(message, session_.me()) == to_;
  if (is_here && message.from == session_.me()) own_at_ = std::max(own_at_, message.at);
  printed_ += transcript_.lines(message, !is_here);
}

// It is shown by the Shown that follows, in its place.
void TerminalFront::on(const Acked& /*event*/, Instant /*now*/) {}

void TerminalFront::on(const Refused& event, Instant /*now*/) {
  note(fmt::format("not sent to {}: {} ({})", event.message.to, event.message.payload, event.reason));
}

void TerminalFront::on(const HistoryLoaded& event, Instant now) {
  transcript_.forget_day();
  if (event.messages.empty()) note("no messages with " + event.with + " yet");
  chat::Timestamp read_at = 0;
  for (const chat::Message& message : event.messages) {
    show(message);
    if (message.from != session_.me()) read_at = std::max(read_at, message.at);
  }
  if (read_at > 0 && event.with == to_) session_.mark(chat::MarkKind::read, to_, read_at, now);
}

void TerminalFront::on(const HistoryFailed& event, Instant /*now*/) {
  note(fmt::format("the history could not be loaded: {}; /history tries again", event.reason));
}

void TerminalFront::on(const Typing& event, Instant now) {
  const std::string& partner = event.to.starts_with('#') ? event.to : event.from;
  if (partner == to_) typing_.emplace(event.from, now + kTypingShown);
}

void TerminalFront::on(const Marked& event, Instant /*now*/) {
  const chat::Mark& mark = event.mark;
  if (mark.user != to_ || mark.with != session_.me()) return;
  chat::Timestamp& at = mark.kind == chat::MarkKind::read ? peer_read_at_ : peer_received_at_;
  at = std::max(at, mark.at);
}

void TerminalFront::on(const Notice& event, Instant /*now*/) { note(event.text); }

// --- keys ---

void TerminalFront::input(std::string_view bytes, Instant now) {
  for (KeyEvent& key : editor_.feed(bytes)) {
    if (exit_code_) return;
    switch (key.action) {
      case KeyAction::edited:
        if (!to_.empty() && !editor_.empty() && !editor_.text().starts_with('/')) session_.tell_typing(to_, now);
        break;
      case KeyAction::submitted:
        submit(std::move(key.line), now);
        break;
      case KeyAction::ended:
      case KeyAction::interrupted:
        interrupted(now);
        break;
      case KeyAction::suspended:
        suspend_();
        printed_ += kPasteMarksOn;
        screen_.forget();
        break;
      case KeyAction::refreshed:
        screen_.forget();
        break;
    }
  }
}

void TerminalFront::input_ended(Instant now) { interrupted(now); }

void TerminalFront::submit(std::string line, Instant now) {
  if (line.starts_with('/') && !line.starts_with("//")) return command(line, now);
  if (line.starts_with("//")) line.erase(0, 1);
  if (to_.empty()) return note("to whom? /to USER says it");
  if (session_.submit({.to = to_, .payload = line, .id = {}}, now) == Submitted::full) {
    note(fmt::format("not taken, {} wait to be sent already: {}", messages(session_.outbox().size()), line));
  }
}

void TerminalFront::command(std::string_view line, Instant now) {
  const std::string_view name = line.substr(0, line.find(' '));
  const std::string_view rest = trim(line.substr(name.size()));
  if (name == "/quit" && rest.empty()) return leave(now);
  if (name == "/to") return talk_to(rest, now);
  if (name == "/help") {
    for (const std::string_view help : kHelp) note(help);
    return;
  }
  if (name == "/history") {
    std::size_t count = kHistoryCommand;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    const bool is_number = rest.empty() || (error == std::errc() && end == rest.data() + rest.size());
    if (is_number && count > 0 && count <= ClientSession::kHistoryMax) return load_history(count, now);
    return note("/history takes a number from 1 to 10000");
  }
  note(fmt::format("there is no command {}; /help lists them", line));
}

void TerminalFront::talk_to(std::string_view name, Instant now) {
  if (!chat::is_user_id(name) && !chat::is_group_address(name)) {
    return note("/to takes a user: 1 to 64 characters of A-Z a-z 0-9 . _ - @ +, or # and a group's name");
  }
  to_ = name;
  own_at_ = peer_received_at_ = peer_read_at_ = 0;
  typing_.reset();
  note("writing to " + to_);
  load_history(history_ > 0 ? history_ : kHistoryCommand, now);
}

void TerminalFront::load_history(std::size_t count, Instant now) {
  if (to_.empty()) return note("with whom? /to USER says it");
  if (!session_.request_history(to_, count, now)) note("the history is being loaded already");
}

// --- leaving ---

void TerminalFront::interrupted(Instant now) {
  if (exit_code_) return;
  if (leave_at_) return finish(kNotAcked, messages(session_.outbox().size()) + " not acknowledged");
  leave(now);
}

void TerminalFront::leave(Instant now) {
  leave_at_ = now + kLeaveMax;
  finish_if_left(now);
}

void TerminalFront::finish_if_left(Instant now) {
  if (session_.outbox().empty()) return finish(kOk, {});
  if (*leave_at_ <= now) finish(kNotAcked, messages(session_.outbox().size()) + " not acknowledged");
}

void TerminalFront::finish(int code, std::string_view last_words) {
  if (exit_code_) return;
  if (!last_words.empty()) note(last_words);
  exit_code_ = code;
}

// --- time ---

std::optional<Instant> TerminalFront::next_wake() const {
  if (exit_code_) return std::nullopt;
  std::optional<Instant> at = leave_at_;
  if (typing_ && (!at || typing_->second < *at)) at = typing_->second;
  return at;
}

void TerminalFront::wake(Instant now) {
  if (exit_code_) return;
  if (typing_ && typing_->second <= now) typing_.reset();
  if (leave_at_) finish_if_left(now);
}

// --- the screen ---

std::string TerminalFront::take_output() {
  const std::string lines = std::exchange(printed_, {});
  if (!exit_code_) return screen_.draw(lines, footing(), columns_);
  std::string out = screen_.erase();
  return out.append(lines).append(kPasteMarksOff);
}

std::string TerminalFront::status() const {
  if (leave_at_) {
    return fmt::format("waiting for {} to be acknowledged; Ctrl-C leaves at once", messages(session_.outbox().size()));
  }
  if (!trouble_.empty()) return trouble_;
  if (typing_) return typing_->first + " is writing …";
  if (own_at_ == 0 || !session_.outbox().empty()) return {};
  if (own_at_ <= peer_read_at_) return "read by " + to_;
  if (own_at_ <= peer_received_at_) return "received by " + to_;
  return "sent";
}

Footing TerminalFront::footing() const {
  Footing footing;
  const auto& pending = session_.outbox().entries();
  const std::size_t shown = std::min(pending.size(), kPendingShownMax);
  for (std::size_t i = pending.size() - shown; i < pending.size(); ++i) {
    const chat::Message& message = pending[i].message;
    const std::string to = message.to == to_ ? "" : "→ " + message.to + ": ";
    footing.rows.push_back("  … " + to + safe_line(websocket::utf8_prefix(message.payload, columns_ * 4)));
  }
  if (pending.size() > shown) {
    footing.rows.insert(footing.rows.begin(), fmt::format("  … {} more wait", pending.size() - shown));
  }
  if (std::string text = status(); !text.empty()) footing.rows.push_back("  " + std::move(text));
  footing.prompt = fit(to_.empty() ? "> " : to_ + "> ", columns_ / 2);
  const LineEditor::View view = editor_.view(columns_ - columns_of(footing.prompt));
  footing.before = view.before;
  footing.after = view.after;
  return footing;
}

}  // namespace simplechat::chat_client

#include "chat_client/script_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "chat_client/safe_text.h"
#include "websocket/utf8.h"
#include "wire/message_line.h"

namespace simplechat::chat_client {
namespace {

double seconds(Milliseconds span) { return static_cast<double>(span.count()) / 1000; }

std::string messages(std::size_t count) { return fmt::format("{} message{}", count, count == 1 ? "" : "s"); }

}  // namespace

ScriptFront::ScriptFront(ClientSession& session, const Settings& settings, const Plan& plan, LocalTime local_time)
    : session_(session),
      settings_(settings),
      plan_(plan),
      transcript_(std::move(local_time), !plan.prints_json),
      texts_(settings.texts.begin(), settings.texts.end()),
      input_open_(plan.reads_stdin),
      history_missing_(plan.history > 0) {}

void ScriptFront::start(Instant now) {
  started_at_ = now;
  advance(now);
}

void ScriptFront::handle(Event event, Instant now) {
  if (exit_code_ && !std::holds_alternative<Shown>(event)) return;  // one that came with the last ack is still shown
  std::visit([this, now](const auto& known) { on(known, now); }, event);
  advance(now);
}

// --- events ---

void ScriptFront::on(const Online& /*event*/, Instant /*now*/) {
  if (settings_.follows && std::exchange(told_offline_, false)) complain("connected again");
}

void ScriptFront::on(const Waiting& event, Instant /*now*/) {
  if (!settings_.follows || std::exchange(told_offline_, true)) return;
  complain(fmt::format("{}; connecting again", event.reason));
}

void ScriptFront::on(const Ended& event, Instant /*now*/) {
  give_up(event.unauthorized ? kUnauthorized : kFailed, event.reason);
}

void ScriptFront::on(const Shown& event, Instant now) {
  const std::string& partner = partner_of(event.message, session_.me());
  if (!settings_.to.empty() && partner != settings_.to) return;
  print(event.message);
  if (event.message.from != session_.me()) session_.mark(chat::MarkKind::received, partner, event.message.at, now);
}

void ScriptFront::on(const Acked& event, Instant /*now*/) {
  if (plan_.prints_acked) print(event.message);
}

void ScriptFront::on(const Refused& event, Instant /*now*/) {
  failed_ = true;
  complain(fmt::format("the message {} to {} was refused: {}", event.message.id, event.message.to, event.reason));
}

void ScriptFront::on(const HistoryLoaded& event, Instant /*now*/) {
  history_missing_ = false;
  for (const chat::Message& message : event.messages) print(message);
}

void ScriptFront::on(const HistoryFailed& event, Instant now) {
  if (!event.may_be_repeated) return give_up(kFailed, "no history: " + event.reason);
  history_again_at_ = now + kHistoryAgain;
}

void ScriptFront::on(const Typing& /*event*/, Instant /*now*/) {}
void ScriptFront::on(const Marked& /*event*/, Instant /*now*/) {}

void ScriptFront::on(const Notice& event, Instant /*now*/) { complain(event.text); }

// --- stdin ---

bool ScriptFront::wants_input() const {
  return input_open_ && !exit_code_ && !leave_at_ && lines_.empty() && texts_.empty() && session_.outbox().has_room();
}

void ScriptFront::input(std::string_view bytes, Instant now) {
  lines_.feed(bytes);
  if (lines_.is_broken() && input_open_) {
    input_open_ = false;
    line_failed(lines_.next_number(), "is too long");
  }
  advance(now);
}

void ScriptFront::input_ended(Instant now) {
  input_open_ = false;
  lines_.end();
  advance(now);
}

void ScriptFront::send_line(InputLines::Line line, Instant now) {
  if (line.text.empty()) return;
  wire::Draft draft;
  if (settings_.json) {
    auto parsed = wire::parse_draft_line(line.text);
    if (!parsed) return line_failed(line.number, parsed.error().message);
    draft = *std::move(parsed);
  } else {
    if (!websocket::is_utf8(line.text)) return line_failed(line.number, "is not UTF-8");
    if (line.text.size() > chat::limits::kPayloadBytesMax)
      return line_failed(line.number, "is longer than 65536 bytes");
    draft.payload = std::move(line.text);
  }
  if (draft.to.empty()) draft.to = settings_.to;
  if (draft.to.empty()) return line_failed(line.number, "names no recipient, and there is no --to");
  static_cast<void>(session_.submit(std::move(draft), now));  // there is room; a repeated one is sent already
}

// Nothing is read behind it; what was before it is still sent.
void ScriptFront::line_failed(std::size_t number, std::string_view problem) {
  failed_ = true;
  input_open_ = false;
  lines_ = InputLines();
  complain(fmt::format("line {} of stdin: {}", number, problem));
}

// --- the end ---

void ScriptFront::advance(Instant now) {
  if (exit_code_) return;
  while (!texts_.empty() && session_.outbox().has_room()) {
    static_cast<void>(session_.submit({.to = settings_.to, .payload = std::move(texts_.front()), .id = {}}, now));
    texts_.pop_front();
  }
  while (!lines_.empty() && session_.outbox().has_room() && !leave_at_) send_line(*lines_.take(), now);
  const bool all_sent = !input_open_ && texts_.empty() && lines_.empty() && session_.outbox().empty();
  if (failed_ && all_sent) return finish(kFailed);
  if (leave_at_ && session_.outbox().empty()) {
    if (unacked() > 0) return give_up(kNotAcked, "interrupted");
    return finish(kOk);
  }
  if (all_sent && !settings_.follows && !history_missing_) finish(kOk);
}

void ScriptFront::interrupted(Instant now) {
  if (exit_code_) return;
  if (leave_at_) return give_up(kNotAcked, "interrupted");
  leave_at_ = now + kLeaveMax;
  input_open_ = false;
  advance(now);
}

std::optional<Instant> ScriptFront::deadline() const {
  std::optional<Instant> at = leave_at_;
  const auto limit = [&at, this](Instant since) {
    if (!at || since + settings_.timeout < *at) at = since + settings_.timeout;
  };
  if (settings_.timeout > Milliseconds(0)) {
    if (!session_.outbox().empty()) limit(session_.outbox().entries().front().taken_at);
    if (history_missing_ && !settings_.follows) limit(*started_at_);
  }
  return at;
}

std::optional<Instant> ScriptFront::next_wake() const {
  if (exit_code_) return std::nullopt;
  std::optional<Instant> at = deadline();
  if (history_again_at_ && (!at || *history_again_at_ < *at)) at = history_again_at_;
  return at;
}

void ScriptFront::wake(Instant now) {
  if (exit_code_) return;
  if (history_again_at_ && *history_again_at_ <= now) {
    history_again_at_.reset();
    static_cast<void>(session_.request_history(settings_.to, plan_.history, now));  // it is the only one
  }
  const auto at = deadline();
  if (at && *at <= now) give_up(kNotAcked, session_.trouble());
}

std::size_t ScriptFront::unacked() const { return session_.outbox().size() + texts_.size() + lines_.size(); }

void ScriptFront::give_up(int code, std::string_view why) {
  std::string text;
  if (unacked() > 0) {
    text = messages(unacked()) + " not acknowledged";
  } else if (history_missing_ && code == kNotAcked) {
    text = "no history";
  }
  if (code == kNotAcked && !leave_at_) text += fmt::format(" within {} s", seconds(settings_.timeout));
  if (!why.empty()) text += (text.empty() ? "" : ": ") + std::string(why);
  complain(text);
  finish(code);
}

void ScriptFront::finish(int code) { exit_code_ = code; }

void ScriptFront::print(const chat::Message& message) {
  if (plan_.prints_json) {
    wire::append_message_line(output_, message.view());
    output_.push_back('\n');
  } else {
    output_ += transcript_.lines(message, settings_.to.empty());
  }
}

void ScriptFront::complain(std::string_view text) { errors_ += "simplechat: " + safe_line(text) + "\n"; }

}  // namespace simplechat::chat_client

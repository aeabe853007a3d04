// A person at a terminal: messages scroll by, and below them are the own ones that are not acked yet, what is going on,
// and the line that is being written. Sans I/O.
//
// An own message scrolls up when it is acked, so that the order on the screen is the contract's. The row above the line
// says one thing at a time: why it is not connected, who is writing, or how far the last own message has come.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat_client/client_session.h"
#include "chat_client/command_line.h"
#include "chat_client/front.h"
#include "chat_client/line_editor.h"
#include "chat_client/screen.h"
#include "chat_client/transcript.h"

namespace simplechat::chat_client {

class TerminalFront final : public Front {
 public:
  static constexpr Milliseconds kTypingShown{5'000};
  static constexpr Milliseconds kLeaveMax{5'000};  // for the acks that are missing
  static constexpr std::size_t kPendingShownMax = 5;
  static constexpr std::size_t kHistoryCommand = 20;

  // `suspend`: stops the process (Ctrl-Z) and returns when it goes on; the terminal is the shell's meanwhile.
  TerminalFront(ClientSession& session, const Settings& settings, const Plan& plan, LocalTime local_time,
                std::function<void()> suspend);

  void start(Instant now) override;
  void handle(Event event, Instant now) override;
  [[nodiscard]] bool wants_input() const override { return !exit_code_; }
  void input(std::string_view bytes, Instant now) override;
  void input_ended(Instant now) override;
  void interrupted(Instant now) override;
  [[nodiscard]] std::optional<Instant> next_wake() const override;
  void wake(Instant now) override;
  [[nodiscard]] std::string take_output() override;
  [[nodiscard]] std::string take_errors() override { return {}; }  // all goes to the screen
  [[nodiscard]] std::optional<int> exit_code() const override { return exit_code_; }

  // At the start and when the terminal's size has changed.
  void resize(std::size_t columns);

 private:
  void on(const Online& event, Instant now);
  void on(const Waiting& event, Instant now);
  void on(const Ended& event, Instant now);
  void on(const Shown& event, Instant now);
  void on(const Acked& event, Instant now);
  void on(const Refused& event, Instant now);
  void on(const HistoryLoaded& event, Instant now);
  void on(const HistoryFailed& event, Instant now);
  void on(const Typing& event, Instant now);
  void on(const Marked& event, Instant now);
  void on(const Notice& event, Instant now);

  void submit(std::string line, Instant now);
  void command(std::string_view line, Instant now);
  void talk_to(std::string_view name, Instant now);
  void load_history(std::size_t count, Instant now);
  void leave(Instant now);
  void finish_if_left(Instant now);
  void finish(int code, std::string_view last_words);
  void note(std::string_view text) { printed_ += transcript_.note(text); }
  void show(const chat::Message& message);
  [[nodiscard]] Footing footing() const;
  [[nodiscard]] std::string status() const;

  ClientSession& session_;
  const std::size_t history_;
  Transcript transcript_;
  std::function<void()> suspend_;
  LineEditor editor_;
  Screen screen_;
  std::size_t columns_ = 80;

  std::string to_;                        // empty: nobody yet
  chat::Timestamp own_at_ = 0;            // of the last own message to `to_`
  chat::Timestamp peer_received_at_ = 0;  // marks of `to_`
  chat::Timestamp peer_read_at_ = 0;
  std::optional<std::pair<std::string, Instant>> typing_;  // who, until when it is shown
  std::string trouble_ = "connecting";                     // empty: online
  std::optional<Instant> leave_at_;
  std::string printed_;  // whole lines, not drawn yet
  std::optional<int> exit_code_;
};

}  // namespace simplechat::chat_client

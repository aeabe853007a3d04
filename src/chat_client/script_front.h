// A script: texts and lines of stdin are sent, messages are printed, and it ends when all that was asked for is done.
// Sans I/O.
//
// Bounds: stdin is read only while the outbox has room and few lines wait.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "chat_client/client_session.h"
#include "chat_client/command_line.h"
#include "chat_client/front.h"
#include "chat_client/input_lines.h"
#include "chat_client/transcript.h"

namespace simplechat::chat_client {

class ScriptFront final : public Front {
 public:
  static constexpr Milliseconds kLeaveMax{5'000};  // interrupted: what is sent may still be acked
  static constexpr Milliseconds kHistoryAgain{1'000};

  ScriptFront(ClientSession& session, const Settings& settings, const Plan& plan, LocalTime local_time);

  void start(Instant now) override;
  void handle(Event event, Instant now) override;
  [[nodiscard]] bool wants_input() const override;
  void input(std::string_view bytes, Instant now) override;
  void input_ended(Instant now) override;
  void interrupted(Instant now) override;
  [[nodiscard]] std::optional<Instant> next_wake() const override;
  void wake(Instant now) override;
  [[nodiscard]] std::string take_output() override { return std::exchange(output_, {}); }
  [[nodiscard]] std::string take_errors() override { return std::exchange(errors_, {}); }
  [[nodiscard]] std::optional<int> exit_code() const override { return exit_code_; }

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

  void advance(Instant now);  // sends what there is room for; ends if all is done
  void send_line(InputLines::Line line, Instant now);
  void line_failed(std::size_t number, std::string_view problem);
  void print(const chat::Message& message);
  void complain(std::string_view text);
  void finish(int code);
  void give_up(int code, std::string_view why);
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] std::size_t unacked() const;

  ClientSession& session_;
  const Settings& settings_;
  const Plan plan_;
  Transcript transcript_;
  std::deque<std::string> texts_;  // of --send
  InputLines lines_;
  bool input_open_;
  bool history_missing_;
  std::optional<Instant> history_again_at_;
  std::optional<Instant> started_at_;
  std::optional<Instant> leave_at_;
  bool told_offline_ = false;
  bool failed_ = false;
  std::string output_;
  std::string errors_;
  std::optional<int> exit_code_;
};

}  // namespace simplechat::chat_client

// One user's session with a server, as the contract wants clients to be. Sans I/O: text frames, time and randomness in;
// text frames, events and orders for the link out.
//
// It registers, repeats what is not acked under the same id, catches up through `sync` (feed.h), watches the connection
// by pings, leaves a draining server, and comes back after a loss with full-jitter backoff, unless the server said not
// to. If its token has expired, it comes back if there is another one by then.
//
// After every call the owner takes what came of it: take_order(), take_frames(), take_events(); and calls wake() at
// next_wake(). One thread. Bounds: Outbox's and Feed's; kRequestsMax histories wait; kMarksMax marks wait, then they go
// out at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message.h"
#include "chat/records.h"
#include "chat_client/backoff.h"
#include "chat_client/events.h"
#include "chat_client/feed.h"
#include "chat_client/outbox.h"
#include "wire/message_line.h"
#include "wire/server_frame_reader.h"

namespace simplechat::chat_client {

// The token of the moment, empty if there is none; or why it cannot be had now.
using TokenSource = std::function<std::expected<std::string, std::string>()>;

[[nodiscard]] TokenSource fixed_token(std::string token);

struct SessionOptions {
  std::string me;
  TokenSource token;     // asked before each connect
  bool receives = true;  // false: only sends, and shows nothing
  // Messages to load before the first live one is shown; 0: none.
  std::string history_with;
  std::size_t history_count = 0;
};

// Why a link is gone. `close_code` is 0 if no close frame came.
struct LinkLoss {
  std::string reason;
  std::uint16_t close_code = 0;
  bool is_final = false;         // trying again is of no use
  bool is_unauthorized = false;  // because this user or token is not let in
};

// What the link is to do: first drop the connection if there is one, then open one.
struct LinkOrder {
  bool drop = false;
  bool open = false;
};

enum class Submitted : std::uint8_t { taken, full, repeated };

class ClientSession {
 public:
  static constexpr Milliseconds kAnswerMax{10'000};  // a connection with its registration, a pong, a page
  static constexpr Milliseconds kPingEvery{25'000};
  static constexpr Milliseconds kTypingEvery{3'000};
  static constexpr Milliseconds kMarksEvery{1'000};
  static constexpr Milliseconds kDrainMax{600'000};
  static constexpr std::size_t kRequestsMax = 4;
  static constexpr std::size_t kMarksMax = 256;
  static constexpr std::size_t kHistoryMax = 10'000;

  // `unix_ms`: the wall clock, for message ids.
  ClientSession(SessionOptions options, Random random, std::function<std::uint64_t()> unix_ms);

  void start(Instant now);

  // From the link.
  void link_opened(Instant now);
  void frame_received(std::string_view text, Instant now);
  void link_lost(const LinkLoss& loss, Instant now);

  [[nodiscard]] std::optional<Instant> next_wake() const;
  void wake(Instant now);

  // From the person or script. The draft's recipient must be there; its id is made if empty.
  Submitted submit(wire::Draft draft, Instant now);
  // False if too many are asked for at a time.
  bool request_history(std::string with, std::size_t count, Instant now);
  void tell_typing(const std::string& to, Instant now);
  void mark(chat::MarkKind kind, const std::string& with, chat::Timestamp at, Instant now);
  // Sends the marks that wait: before the end.
  void flush_marks(Instant now);

  [[nodiscard]] const std::string& me() const { return options_.me; }
  [[nodiscard]] const Outbox& outbox() const { return outbox_; }
  [[nodiscard]] bool online() const { return state_ == State::online; }
  [[nodiscard]] bool ended() const { return state_ == State::ended; }
  // Of the latest loss; empty if there was none since the latest registration.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  [[nodiscard]] LinkOrder take_order();
  [[nodiscard]] std::vector<std::string> take_frames();
  [[nodiscard]] std::vector<Event> take_events();

 private:
  enum class State : std::uint8_t { idle, connecting, registering, online, waiting, ended };

  struct HistoryRequest {
    std::string with;
    std::size_t missing;  // messages
    bool is_first;        // the one that live messages wait for
    std::vector<chat::Message> messages{};
  };

  void handle(wire::server::Registered frame, Instant now);
  void handle(wire::server::Unregistered frame, Instant now);
  void handle(wire::server::Ack frame, Instant now);
  void handle(wire::server::Normal frame, Instant now);
  void handle(wire::server::Typing frame, Instant now);
  void handle(chat::Mark mark, Instant now);
  void handle(wire::server::Resync frame, Instant now);
  void handle(wire::server::Draining frame, Instant now);
  void handle(wire::server::Error error, Instant now);
  void handle(wire::server::History page, Instant now);
  void handle(wire::server::Sync page, Instant now);
  void handle(wire::server::Pong frame, Instant now);
  void handle(wire::server::Other frame, Instant now);

  void open(Instant now);
  void lose(std::string reason, Milliseconds at_least, Instant now);
  void end(std::string reason, bool unauthorized);
  void leave_connection();
  [[nodiscard]] bool has_another_token() const;
  void registration_refused(const wire::server::Error& error, Instant now);
  void message_refused(const wire::server::Error& error, Instant now);
  void history_failed(const wire::server::Error& error, Instant now);
  void settle(std::string_view id, std::string_view to, chat::Timestamp at, Instant now);
  void finish_history(Instant now);
  void advance(Instant now);  // sends what can be sent now, tells what is to be shown
  void flush_outbox(Instant now);
  void ask_for_pages(Instant now);
  void check_deadlines(Instant now);
  [[nodiscard]] std::string next_ref(std::string_view kind);

  SessionOptions options_;
  std::string token_;  // of the connection
  Random random_;
  std::function<std::uint64_t()> unix_ms_;
  wire::server::FrameReader reader_;
  Outbox outbox_;
  Feed feed_;
  FullJitter connect_jitter_;
  FullJitter outbox_jitter_;

  State state_ = State::idle;
  std::string trouble_;
  std::optional<Instant> retry_at_;         // waiting: the next try
  std::optional<Instant> answer_at_;        // connecting, registering: gone if not through by then
  std::optional<Instant> ping_at_;          // the next ping
  std::optional<Instant> pong_at_;          // gone if no pong by then
  std::optional<Instant> drain_at_;         // leaves the server then
  std::optional<Instant> outbox_retry_at_;  // nothing is sent before
  std::optional<Instant> marks_at_;
  std::optional<Instant> typing_told_at_;

  std::uint64_t refs_ = 0;
  std::string sync_ref_;     // of the request under way; empty: none
  std::string history_ref_;  // the same, for the first of history_
  std::optional<Instant> sync_answer_at_;
  std::optional<Instant> history_answer_at_;
  std::deque<HistoryRequest> history_;
  std::map<std::string, chat::Mark> marks_;  // by conversation

  LinkOrder order_;
  std::vector<std::string> frames_;
  std::vector<Event> events_;
};

}  // namespace simplechat::chat_client

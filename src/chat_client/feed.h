// Which messages are shown, and when: each once, in the contract's order (guarantee 4). Sans I/O.
//
// Live delivery is at once and best effort, `sync` is exact. So a feed walks `sync` from its cursor after each
// registration, on `resync`, and from time to time. What was on its way into the store when the session registered
// comes neither live nor by the first walk, so it walks again kSettle later, and once more as long as that brings
// something older than the registration. What came live meanwhile is held and shown with what the walks brought, sorted
// by (at, from, id). After that, live messages are shown as they come. One that a later walk finds is shown then: a
// stream cannot be sorted backwards.
//
// The first time there is no cursor: `sync {latest}` gives the one behind everything stored, and what was before is
// left to the history. If the server refuses a cursor (another store), the walk starts at the first message and leaves
// out what is older than the first registration.
//
// Bounds: held messages (kHeldMessagesMax, kHeldBytesMax): beyond, what is held is shown, sorted in itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message.h"
#include "chat_client/backoff.h"
#include "chat_client/events.h"
#include "chat_client/seen_messages.h"

namespace simplechat::chat_client {

class Feed {
 public:
  static constexpr std::size_t kHeldMessagesMax = 10'000;
  static constexpr std::size_t kHeldBytesMax = std::size_t{32} * 1024 * 1024;
  static constexpr Milliseconds kSettle{250};
  static constexpr int kCatchUpWalksMax = 5;  // then it holds live messages no longer
  // Another walk finds what a store that was far behind has got by then; later ones keep the cursor near the end, so
  // that SeenMessages need not remember for long.
  static constexpr Milliseconds kFirstCheck{2'000};
  static constexpr Milliseconds kCheckEvery{30'000};
  static constexpr std::size_t kCheckAfterMessages = 1'000;

  // `latest`: give the cursor behind everything; else walk on from `cursor` (empty: from the first message).
  struct Request {
    bool latest;
    std::string cursor;
  };

  explicit Feed(Random random) : random_(std::move(random)) {}

  void online(chat::Timestamp registered_at);
  void offline();
  // Until it is called with false, what comes is held: for a history that is to be shown first.
  void hold_for_history(bool hold, Instant now);

  void live(chat::Message message, Instant now);
  void resync();
  // What the history showed needs not be shown again.
  void shown_by_history(const std::vector<chat::Message>& messages);

  // The request to send now, if any; then answered() or failed() must follow, or offline().
  [[nodiscard]] std::optional<Request> take_request(Instant now);
  void answered(std::vector<chat::Message> messages, std::string cursor, bool more, Instant now);
  void failed(std::string_view code, Milliseconds at_least, Instant now);
  [[nodiscard]] std::optional<Instant> next_wake() const;

  // The first cursor is asked for: what is stored from its answer on will be walked.
  [[nodiscard]] bool expects_first_cursor() const { return catching_up_ && !cursor_; }
  // What is to be shown now.
  [[nodiscard]] std::vector<chat::Message> take();

 private:
  enum class Walk : std::uint8_t { none, wanted, asked };

  [[nodiscard]] bool holding() const { return catching_up_ || held_for_history_; }
  void hold(chat::Message message);
  void release();
  void finish_walk(Instant now);

  Random random_;
  FullJitter jitter_;
  SeenMessages seen_;
  std::vector<chat::Message> held_;
  std::size_t held_bytes_ = 0;
  std::vector<chat::Message> ready_;

  bool online_ = false;
  bool catching_up_ = false;  // from a registration to the end of its walks
  int catch_up_walks_ = 0;    // that are through
  bool found_older_ = false;  // the present walk brought something from before the registration
  chat::Timestamp registered_at_ = 0;
  bool held_for_history_ = false;
  Walk walk_ = Walk::none;
  bool again_ = false;                       // something may have been missed since the walk began
  std::optional<Instant> walk_at_;           // a walk that is due later
  std::optional<std::string> cursor_;        // nothing: latest is to be asked for
  chat::Timestamp first_registered_at_ = 0;  // of the first registration
  bool from_the_start_ = false;              // the cursor was refused: leave out what is older than that
  std::size_t live_since_walk_ = 0;
};

}  // namespace simplechat::chat_client

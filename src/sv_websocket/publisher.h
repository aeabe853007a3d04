// Hands the records of one reactor to the queue, and tells each sender when its message is durable.
//
// Records of a loop turn leave as one batch; a few batches are on their way at a time, and what arrives meanwhile fills
// the next one. Lives on its reactor.
//
// Bound: limits::kUnconfirmedBytesMax, shared out over the reactors. At half of it senders are no longer read from
// (congested()); beyond it a message is refused with `unavailable`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "chat/message_queue.h"
#include "chat/records.h"
#include "runtime/gate.h"
#include "runtime/turn_end.h"
#include "sv_websocket/handovers.h"
#include "sv_websocket/session_key.h"
#include "sv_websocket/store_progress.h"

namespace simplechat::sv_websocket {

class Publisher final : private runtime::TurnEnd::Hook {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Sender {
    SessionKey session;
    Handovers::Ticket ticket = Handovers::kNone;  // of the message's way to its recipients
  };
  struct Callbacks {
    // The message that `sender` handed in is durable, or was refused.
    // Its batch began to fill at `since`.
    std::function<void(const Sender& sender, const chat::MessageView& message, const chat::Result<void>& outcome,
                       TimePoint since)>
        settled;
    // All of a batch of so many records are settled.
    std::function<void(TimePoint since, std::size_t records)> batch_ended = [](TimePoint, std::size_t) {};
    // Senders may be read from again.
    std::function<void()> relieved;
  };

  Publisher(runtime::Reactor& reactor, runtime::TurnEnd& turn_end, chat::MessageQueue& queue, StoreProgress& progress,
            std::size_t bytes_max, Callbacks callbacks);
  virtual ~Publisher() = default;

  // False if the bound is reached or the gateway is shutting down: nothing was taken.
  [[nodiscard]] bool add(const Sender& sender, const chat::MessageView& message);
  // A mark that is over the bound is dropped: a later one replaces it.
  void add(const chat::Mark& mark);

  [[nodiscard]] std::size_t unconfirmed_bytes() const { return unconfirmed_bytes_; }
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
  [[nodiscard]] bool congested() const { return unconfirmed_bytes_ > bytes_max_ / 2; }

  // From now on nothing more is taken.
  void refuse() { refusing_ = true; }
  // Ends when everything handed in is settled, or at the deadline.
  chat::Task<void> drain(std::chrono::steady_clock::time_point deadline);

 private:
  static constexpr int kBatchesInFlightMax = 4;

  struct Batch {
    chat::RecordBatch records;
    std::vector<Sender> senders;  // of records.messages, in the same order
    StoreProgress::Publishing publishing = 0;
    TimePoint since;
    [[nodiscard]] std::size_t bytes() const;
  };

  void on_turn_end() override;
  Batch& filling();
  chat::Task<void> publish(std::unique_ptr<Batch> batch);
  [[nodiscard]] std::unique_ptr<Batch> take_spare();

  runtime::TurnEnd& turn_end_;
  chat::MessageQueue& queue_;
  StoreProgress& progress_;
  const std::size_t bytes_max_;
  const Callbacks callbacks_;
  runtime::Gate gate_;
  std::unique_ptr<Batch> filling_;
  std::vector<std::unique_ptr<Batch>> spares_;
  std::size_t unconfirmed_bytes_ = 0;
  int in_flight_ = 0;
  bool refusing_ = false;
};

}  // namespace simplechat::sv_websocket

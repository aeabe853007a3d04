// How far the store has come with what this reactor has published: an ack tells that a message is durable, which for a
// queue is some time before a sync shows it, and after a fault perhaps long before.
//
// Records of one lane of the queue become stored in the order in which they were published. So it is enough to ask the
// store now and then for the latest confirmed message of each lane: when it is there, everything before it is. One
// question is under way at a time, none while nothing was published. Confirms may come in another order than that of
// publishing: what was published earlier than the latest known is covered by it.
//
// A message that the store refused for good is in no store. When a lane's sample does not turn up for kSuspectAfter,
// the latest message of that lane is asked for as well; and what a store that answers does not have for kSampleMax is
// given up.
//
// Lives on its reactor.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "chat/message_queue.h"
#include "chat/message_store.h"
#include "runtime/gate.h"
#include "runtime/reactor.h"

namespace simplechat::sv_websocket {

class StoreProgress {
 public:
  using Clock = std::chrono::steady_clock;
  using TimePoint = Clock::time_point;
  using Publishing = std::uint64_t;

  static constexpr std::chrono::seconds kSuspectAfter{2};
  static constexpr std::chrono::minutes kSampleMax{5};

  StoreProgress(runtime::Reactor& reactor, const chat::MessageQueue& queue, chat::MessageReader& reader);

  // Messages that are routed from now on are about to be published together.
  [[nodiscard]] Publishing begin();
  // They were, or not.
  void end(Publishing publishing, const chat::MessageBatch& messages, bool confirmed);

  // Called now and then, a few times a second.
  void check();
  chat::Task<void> stop() { return gate_.close(); }

  // Everything that was routed on this reactor before it, and that will ever be stored, is in the store.
  [[nodiscard]] TimePoint stored_until() const { return stored_until_; }

 private:
  struct Lane {
    std::optional<chat::MessageKey> sample;  // asked for until it is there
    std::optional<chat::MessageKey> latest;  // confirmed since
    Publishing newest = 0;                   // of the publishes that it came by
  };

  [[nodiscard]] TimePoint settled_until() const;
  [[nodiscard]] bool anything_confirmed() const;
  void take_samples();
  chat::Task<void> ask();
  chat::Task<bool> stored();
  chat::Task<void> pass_over_refused();

  const chat::MessageQueue& queue_;
  chat::MessageReader& reader_;
  runtime::Gate gate_;
  std::map<Publishing, TimePoint> under_way_;  // with the time of begin()
  Publishing last_ = 0;
  std::vector<Lane> lanes_;
  bool sampled_ = false;
  TimePoint sampled_until_{};  // the time that the samples stand for
  TimePoint sampled_at_{};
  TimePoint stored_until_;
  bool asking_ = false;
};

}  // namespace simplechat::sv_websocket

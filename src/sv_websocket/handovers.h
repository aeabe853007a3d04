// Which messages are still on their way to the gateways of their users, so that a sender's ack waits for that.
//
// A client repeats what was not acked, so a gateway that dies with a message half handed over loses nothing. Once acked
// it is repeated by nobody: were the ack to overtake the hand-over, the death of the gateway between the two would hide
// the message from its recipient until that one syncs again.
//
// Each message holds a ticket; its parts (a look-up, a hand-over to one gateway) are counted. A part that failed counts
// as done: the gateway then knows whom to tell to resync. Lives on its reactor.
//
// Bounds: an ack waits kWaitMax at most, and kWaitingMax acks wait; beyond either it goes out all the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

namespace simplechat::sv_websocket {

class Handovers {
 public:
  using Ticket = std::uint64_t;
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr Ticket kNone = 0;  // of what nobody waits for
  static constexpr std::chrono::milliseconds kWaitMax{500};
  static constexpr std::size_t kWaitingMax = 100'000;

  // A ticket with one part, that of the caller, who ends it with done() when all others are added.
  [[nodiscard]] Ticket open();
  void add(Ticket ticket);
  void done(Ticket ticket);

  // Runs `then` when all parts are done: now, later, or by run_overdue().
  void when_done(Ticket ticket, TimePoint now, std::function<void()> then);
  // Called now and then: runs what has waited for longer than kWaitMax.
  void run_overdue(TimePoint now);

  [[nodiscard]] bool finished(Ticket ticket) const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  void run(Ticket ticket);

  std::deque<std::uint32_t> parts_;  // that are not done, by ticket from first_ on
  Ticket first_ = 1;
  std::unordered_map<Ticket, std::function<void()>> waiting_;
  struct Deadline {
    TimePoint at;
    Ticket ticket;
  };
  std::deque<Deadline> deadlines_;  // of waiting_ and of what has run since, earliest first
};

}  // namespace simplechat::sv_websocket

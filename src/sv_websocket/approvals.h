// Messages that wait for the application's word on them (chat::SendHook). Those of a session are asked about at the
// same time, but go on in the order in which they came.
//
// Lives on its reactor, where there is a send hook. What a session that has ended, or has unregistered, still waits for
// is dropped: nobody was told that it was accepted.
//
// Bounds: of a session kSessionAsksMax messages are asked about at a time. When as many wait, it is full() and to be
// read from no more until `relieved`; what it had sent by then (a read buffer) waits behind them. All together
// kBytesMax, beyond which none is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/send_hook.h"
#include "chat/task.h"
#include "runtime/gate.h"
#include "runtime/reactor.h"
#include "sv_websocket/session_key.h"

namespace simplechat::sv_websocket {

class Approvals {
 public:
  static constexpr std::size_t kSessionAsksMax = 16;
  static constexpr std::size_t kBytesMax = std::size_t{16} * 1024 * 1024;

  struct Callbacks {
    // The word on a message: it may go on with that text, or not, and why. `message` has no payload any more.
    std::function<void(SessionKey, const chat::Message& message, const chat::Result<chat::Approval>&)> decided;
    // The session, which was full(), is so no more.
    std::function<void(SessionKey)> relieved;
  };

  Approvals(runtime::Reactor& reactor, chat::SendHook& hook, Callbacks callbacks)
      : hook_(hook), callbacks_(std::move(callbacks)), gate_(reactor.executor()) {}

  // Asks about the message, now or when it is its turn. False if the bound is reached or it refuses: it was not taken.
  [[nodiscard]] bool add(SessionKey session, chat::Message message);
  [[nodiscard]] bool full(SessionKey session) const;
  // Forgets what the session waits for, and returns the ids of these messages. Calls that are under way count until
  // they end.
  std::vector<std::string> drop(SessionKey session);

  // Takes no more messages.
  void refuse() { refusing_ = true; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Ends when everything that was asked has been answered.
  chat::Task<void> close() { return gate_.close(); }

 private:
  struct Entry {
    std::uint64_t number;
    chat::Message message;  // its payload is the hook's once it is asked
    std::size_t bytes;
    std::optional<chat::Result<chat::Approval>> answer;
  };
  struct Line {
    std::deque<Entry> entries;
    std::size_t asked = 0;  // of entries, the first ones
    bool full = false;
  };
  struct Hash {
    std::size_t operator()(SessionKey key) const {
      return std::hash<std::uint64_t>{}(std::uint64_t{key.generation} << 32U | key.slot);
    }
  };

  void ask_next(SessionKey session);
  chat::Task<void> ask(SessionKey session, std::uint64_t number, std::size_t bytes, chat::Message message);
  // Takes the answer, and decides what now is to be decided. False if the message has been dropped.
  bool settle(SessionKey session, std::uint64_t number, chat::Result<chat::Approval> answer);

  chat::SendHook& hook_;
  const Callbacks callbacks_;
  runtime::Gate gate_;
  std::unordered_map<SessionKey, Line, Hash> lines_;  // of those that wait for something
  std::uint64_t next_number_ = 1;
  std::size_t bytes_ = 0;
  bool refusing_ = false;
};

}  // namespace simplechat::sv_websocket

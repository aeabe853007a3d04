// What a ClientSession tells of: to be shown to a person or printed for a script. Values; owned by whoever takes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "chat/message.h"
#include "chat/records.h"

namespace simplechat::chat_client {

using Instant = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

// Registered, at first or again.
struct Online {};
// Not connected; the next try is `delay` away.
struct Waiting {
  std::string reason;
  Milliseconds delay;
};
// For good: the server does not want this client to come back by itself.
struct Ended {
  std::string reason;
  bool unauthorized;  // this user or token is not let in, as opposed to what the client sent being wrong
};
// A message of one of the user's conversations, each once. An own one that this session sent comes when it is acked.
struct Shown {
  chat::Message message;
};
// An own message that this session sent is durable, with its `at`.
struct Acked {
  chat::Message message;
};
// An own message that the server will not take, however often it is repeated.
struct Refused {
  chat::Message message;  // `at` is 0
  std::string reason;
};
// The answer to request_history(), oldest first.
struct HistoryLoaded {
  std::string with;
  std::vector<chat::Message> messages;
};
struct HistoryFailed {
  std::string with;
  std::string reason;
  bool may_be_repeated;
};
// `from` is writing to `to`.
struct Typing {
  std::string from;
  std::string to;
};
// `user` has received or read the conversation with `with` up to `at`.
struct Marked {
  chat::Mark mark;
};
// For a person, in one sentence.
struct Notice {
  std::string text;
};

using Event =
    std::variant<Online, Waiting, Ended, Shown, Acked, Refused, HistoryLoaded, HistoryFailed, Typing, Marked, Notice>;

// The other side of a message's conversation: a user, or a group address.
[[nodiscard]] inline const std::string& partner_of(const chat::Message& message, const std::string& me) {
  return message.to.starts_with('#') || message.from == me ? message.to : message.from;
}

}  // namespace simplechat::chat_client

// Which messages were shown lately, so that each is shown once. Sans I/O.
//
// Remembers the latest kMessagesMax. That is enough because the feed takes a new cursor long before so many have come:
// only what is behind the cursor can come again, and repeats after a fault.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>

#include "chat/message.h"

namespace simplechat::chat_client {

class SeenMessages {
 public:
  static constexpr std::size_t kMessagesMax = 50'000;

  // True if it is new.
  bool add(const chat::Message& message);
  [[nodiscard]] bool contains(const chat::Message& message) const { return keys_.contains(key(message)); }

 private:
  // No id has a line feed.
  static std::string key(const chat::Message& message) { return message.from + '\n' + message.to + '\n' + message.id; }

  std::unordered_set<std::string> keys_;
  std::deque<const std::string*> order_;  // oldest first; a set's elements stay where they are
};

}  // namespace simplechat::chat_client

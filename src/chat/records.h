// What a gateway hands to the queue and a store keeps: messages, and the marks of what a user has received and read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "chat/message.h"

namespace simplechat::chat {

enum class MarkKind : std::uint8_t { received, read };

// `user` has received or read everything of the conversation with `with` up to and including `at`. A high-water mark:
// it only ever rises, so repeating or reordering marks does no harm.
struct Mark {
  std::string user;
  std::string with;  // a user id or a group address
  MarkKind kind = MarkKind::received;
  Timestamp at = 0;

  bool operator==(const Mark&) const = default;
};

struct RecordBatch {
  MessageBatch messages;
  std::vector<Mark> marks;

  [[nodiscard]] std::size_t size() const { return messages.size() + marks.size(); }
  [[nodiscard]] bool empty() const { return messages.empty() && marks.empty(); }
  void clear() {
    messages.clear();
    marks.clear();
  }
};

}  // namespace simplechat::chat

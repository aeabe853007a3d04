// Port: the records that the store refused for good and the queue bodies that could not be read, kept for a person, who
// looks at them and has them tried again.
//
// Implementations: adapters/memory (a file), adapters/rabbitmq (the dead-letter queue).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/error.h"
#include "chat/task.h"

namespace simplechat::chat {

struct DeadLetter {
  std::string id;      // of its content: the same letter has the same one whenever it is asked for
  std::string reason;  // why it is here
  std::string queue;   // where it came from
  std::string body;    // as it was in the queue
};

// Letters that a call looks at; older ones come first.
inline constexpr std::size_t kDeadLettersMax = 1000;

class DeadLetters {
 public:
  virtual ~DeadLetters() = default;

  // The oldest `limit` (at most kDeadLettersMax), oldest first. They stay where they are.
  virtual Task<Result<std::vector<DeadLetter>>> list(std::size_t limit) = 0;

  // Puts those of `ids` that are among the oldest kDeadLettersMax, or with no ids all of these, back where they came
  // from, and then takes them out of the dead letters; returns how many. What is refused again becomes a dead letter
  // again. After an error some may be in both places, which does no harm: the store knows a message by its id.
  virtual Task<Result<std::size_t>> replay(std::span<const std::string> ids) = 0;
};

// 16 hexadecimal digits of what a letter consists of.
[[nodiscard]] std::string dead_letter_id(std::string_view queue, std::string_view reason, std::string_view body);

}  // namespace simplechat::chat

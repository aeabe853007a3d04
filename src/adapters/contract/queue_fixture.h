// What the tests of a chat::MessageQueue have in common: the harness that an adapter implements, and records to send.
// The suite itself is queue_contract.h; an adapter's own tests may use this too.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message_queue.h"

namespace simplechat::adapters::contract {

struct DeadLetter {
  std::string body;  // holds the records' JSON
  std::string reason;
};

// One empty queue under test. Destroyed before the io_context that it was made with.
class QueueHarness {
 public:
  virtual ~QueueHarness() = default;
  virtual chat::MessageQueue& queue() = 0;
  // At most one lives at a time.
  virtual std::unique_ptr<chat::MessageSource> make_source() = 0;
  // What was kept, oldest first; waits until there are `count`.
  virtual std::vector<DeadLetter> dead_letters(std::size_t count) = 0;
  // A queue that takes records and never confirms one.
  virtual std::unique_ptr<chat::MessageQueue> make_stalled_queue(std::size_t bytes_max,
                                                                 std::chrono::milliseconds publish_timeout) = 0;
};

using QueueFactory = std::function<std::unique_ptr<QueueHarness>()>;

inline void add_message(chat::RecordBatch& batch, const std::string& id, const std::string& from, const std::string& to,
                        std::string_view payload = "hello") {
  batch.messages.add({.id = id, .from = from, .to = to, .payload = payload, .at = 1'700'000'000'000'000});
}

inline chat::RecordBatch one_message(const std::string& id, const std::string& from = "alice",
                                     const std::string& to = "bob") {
  chat::RecordBatch batch;
  add_message(batch, id, from, to);
  return batch;
}

}  // namespace simplechat::adapters::contract

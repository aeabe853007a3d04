// Ports: the queue between gateways and store, seen from both ends.
//
// Implementations: adapters/memory (in process, bounded), adapters/rabbitmq. All pass
// adapters/contract/queue_contract.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "chat/error.h"
#include "chat/records.h"
#include "chat/task.h"

namespace simplechat::chat {

class MessageQueue {
 public:
  virtual ~MessageQueue() = default;

  // Ends once every record of the batch is durable; only then may a sender be told. On an error (unavailable: no
  // confirm within the deadline, too much unconfirmed, not connected) some, all or none of it may be durable, and the
  // sender repeats under the same message ids. `batch` must stay unchanged until it ends. Callable from any reactor;
  // resumes on the caller's.
  virtual Task<Result<void>> publish(const RecordBatch& batch) = 0;

  // Records of one lane become stored in the order in which they were published. Lanes are numbered from 0.
  [[nodiscard]] virtual unsigned lanes() const { return 1; }
  [[nodiscard]] virtual unsigned lane_of(std::string_view /*from*/, std::string_view /*to*/) const { return 0; }
};

// One consumer's end. Called from one reactor. One settle() or dead_letter() may be under way while a receive() waits,
// so that the next batch fills during a commit; neither is held up by the receive().
class MessageSource {
 public:
  virtual ~MessageSource() = default;

  struct Received {
    RecordBatch records;
    std::uint64_t token = 0;  // settle() this and everything received before it
  };

  // Waits for records. Returns what is there at once, several queue bodies joined, up to the implementation's bound;
  // never an empty batch. Records of one conversation arrive in publish order. An error (unavailable) means that the
  // connection was lost: everything not settled will be received again, under new tokens.
  virtual Task<Result<Received>> receive() = 0;

  // Tells the queue that everything up to `token` is in the store for good. Called only after the store's commit.
  virtual Task<Result<void>> settle(std::uint64_t token) = 0;

  // Keeps records that the store refuses for good where a person finds them with the reason, durably, so that settling
  // what they came with does not lose them. On an error (unavailable) they may or may not be kept; nothing they came
  // with may be settled.
  virtual Task<Result<void>> dead_letter(const RecordBatch& records, std::string_view reason) = 0;
};

}  // namespace simplechat::chat

// The queue between gateway and store within one process: chat::MessageQueue for the reactors that publish, and the
// chat::MessageSource of the one consumer that stores.
//
// publish() ends when the consumer has settled its records, that is, when they are stored. Publishers append to a batch
// that fills while the consumer stores the one before it, so the consumer takes a joined batch by one call, whatever
// the number of publishers, and an idle queue adds one thread hop.
//
// Bound: `bytes_max` that are not settled; beyond, publish() answers unavailable at once. If the consumer stands still,
// fails or is gone, publish() answers unavailable after `publish_timeout`; the records stay queued and may be stored
// later.
//
// Thread-safe. Outlives its source; the publishers' executors outlive the queue.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "chat/limits.h"
#include "chat/message_queue.h"
#include "runtime/reply.h"

namespace simplechat::adapters::memory {

class MemoryQueue final : public chat::MessageQueue {
 public:
  struct Options {
    std::size_t bytes_max = chat::limits::kUnconfirmedBytesMax;
    std::chrono::milliseconds publish_timeout{5000};
  };

  // Where records go that the store refuses for good: see chat::MessageSource::dead_letter.
  using DeadLetters =
      std::function<chat::Task<chat::Result<void>>(const chat::RecordBatch& records, std::string_view reason)>;

  MemoryQueue(Options options, DeadLetters dead_letters);

  chat::Task<chat::Result<void>> publish(const chat::RecordBatch& batch) override;

  // The consumer's end. At most one at a time: what one leaves unsettled is given to the next.
  [[nodiscard]] std::unique_ptr<chat::MessageSource> make_source();

 private:
  class Source;
  using Receipt = runtime::Reply<chat::Result<void>>;
  using Wake = runtime::Reply<bool>;

  // A joined batch, within limits::kBatchRecordsMax and kBatchBytesMax.
  struct Slot {
    chat::RecordBatch records;
    std::size_t bytes = 0;
    std::vector<std::shared_ptr<Receipt>> receipts;  // of the publishers whose last record is in here
    std::uint64_t token = 0;                         // once handed out
  };

  [[nodiscard]] bool put(const chat::RecordBatch& batch, std::shared_ptr<Receipt> receipt);
  void append(const chat::RecordBatch& batch);
  [[nodiscard]] Slot& slot_for(std::size_t records, std::size_t bytes);
  [[nodiscard]] bool take(chat::MessageSource::Received& out, std::shared_ptr<Wake> wake);
  void settle(std::uint64_t token);
  void give_back();

  const Options options_;
  const DeadLetters dead_letters_;

  std::mutex mutex_;  // guards all below
  std::deque<Slot> waiting_;
  std::deque<Slot> handed_out_;
  std::vector<Slot> spares_;  // empty, with their capacity
  std::size_t bytes_ = 0;     // of waiting_ and handed_out_
  std::uint64_t last_token_ = 0;
  std::shared_ptr<Wake> wake_;  // the consumer's, while it waits
  bool has_source_ = false;
};

}  // namespace simplechat::adapters::memory

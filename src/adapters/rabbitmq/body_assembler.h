// From published batches to queue bodies: split by partition, joined with what else waits for the same partition,
// within the bounds of one body. Pure: no broker, no clock of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/rabbitmq/topology.h"
#include "chat/records.h"

namespace simplechat::adapters::rabbitmq {

using TimePoint = std::chrono::steady_clock::time_point;

// Told what became of something published. Called on the producer's thread, at most once for each part.
class PublishObserver {
 public:
  virtual ~PublishObserver() = default;
  virtual void confirmed() = 0;
  virtual void failed(std::string_view reason) = 0;
};

// Some of a batch's records, all of one partition, as JSON objects joined by commas. Within the bounds of one body.
struct Part {
  std::string records;
  std::size_t count = 0;
  std::shared_ptr<PublishObserver> observer;
  TimePoint deadline;  // after it nobody waits for the confirm
};

// What is published as one message of the broker. Stays the same when it is sent again.
struct Body {
  std::string bytes;
  std::vector<std::shared_ptr<PublishObserver>> observers;
  TimePoint deadline;           // the latest of its parts
  std::size_t records = 0;      // 0: not told
  std::string reason = {};      // header x-simplechat-reason, of dead letters
  std::string from_queue = {};  // header x-simplechat-queue, of dead letters
};

// Splits `batch` by partition and into parts within limits::kBatchRecordsMax and kBatchBytesMax. The parts of a
// partition come in the batch's order, messages before marks.
void split(const chat::RecordBatch& batch, const Topology& topology,
           const std::function<void(unsigned partition, std::string records, std::size_t count)>& part);

// `records` as the array that a body is.
[[nodiscard]] std::string body_of(std::string_view records);

// The parts that wait for one partition, in the order of their deadlines.
class BodyAssembler {
 public:
  // `now`: when the part was added, for waiting_since().
  void add(Part part, TimePoint now);

  [[nodiscard]] bool empty() const { return parts_.empty(); }
  // Whether next() would leave something for a further body, so that waiting for more is of no use.
  [[nodiscard]] bool full() const;
  // When the first waiting part was added. Not if empty().
  [[nodiscard]] TimePoint waiting_since() const { return parts_.front().added; }

  // As many of the waiting parts as fit into one body, in order; the ones whose deadline is past are failed instead.
  // Nothing if no part is left.
  [[nodiscard]] std::optional<Body> next(TimePoint now);
  void fail_expired(TimePoint now);
  void fail_all(std::string_view reason);

 private:
  struct Waiting {
    Part part;
    TimePoint added;
  };

  std::deque<Waiting> parts_;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace simplechat::adapters::rabbitmq

#include "adapters/memory/message_queue.h"

#include <boost/asio/this_coro.hpp>
#include <cassert>
#include <iterator>
#include <utility>

namespace simplechat::adapters::memory {
namespace {

constexpr std::size_t kSparesMax = 4;
constexpr std::size_t kRecordBytes = 32;  // what a record takes beside its text

std::size_t bytes_of(const chat::MessageView& message) {
  return kRecordBytes + message.id.size() + message.from.size() + message.to.size() + message.payload.size();
}

std::size_t bytes_of(const chat::Mark& mark) { return kRecordBytes + mark.user.size() + mark.with.size(); }

std::size_t bytes_of(const chat::RecordBatch& batch) {
  std::size_t bytes = batch.messages.bytes() + kRecordBytes * batch.messages.size();
  for (const chat::Mark& mark : batch.marks) bytes += bytes_of(mark);
  return bytes;
}

bool within_bounds(std::size_t records, std::size_t bytes) {
  return records <= chat::limits::kBatchRecordsMax && bytes <= chat::limits::kBatchBytesMax;
}

}  // namespace

class MemoryQueue::Source final : public chat::MessageSource {
 public:
  explicit Source(MemoryQueue& queue) : queue_(queue) {}
  ~Source() override { queue_.give_back(); }

  chat::Task<chat::Result<Received>> receive() override {
    Received received;
    if (queue_.take(received, nullptr)) co_return received;
    const auto executor = co_await boost::asio::this_coro::executor;
    while (true) {
      const auto wake = std::make_shared<Wake>(executor, Wake::TimePoint::max());
      if (queue_.take(received, wake)) co_return received;
      co_await wake->wait();
    }
  }

  chat::Task<chat::Result<void>> settle(std::uint64_t token) override {
    queue_.settle(token);
    co_return chat::Result<void>{};
  }

  chat::Task<chat::Result<void>> dead_letter(const chat::RecordBatch& records, std::string_view reason) override {
    return queue_.dead_letters_(records, reason);
  }

 private:
  MemoryQueue& queue_;
};

MemoryQueue::MemoryQueue(Options options, DeadLetters dead_letters)
    : options_(options), dead_letters_(std::move(dead_letters)) {}

std::unique_ptr<chat::MessageSource> MemoryQueue::make_source() {
  const std::scoped_lock lock(mutex_);
  assert(!has_source_);
  has_source_ = true;
  return std::make_unique<Source>(*this);
}

chat::Task<chat::Result<void>> MemoryQueue::publish(const chat::RecordBatch& batch) {
  if (batch.empty()) co_return chat::Result<void>{};
  const auto deadline = std::chrono::steady_clock::now() + options_.publish_timeout;
  const auto receipt = std::make_shared<Receipt>(co_await boost::asio::this_coro::executor, deadline);
  if (!put(batch, receipt)) co_return chat::fail(chat::ErrorCode::unavailable, "too much is waiting to be stored");
  const auto outcome = co_await receipt->wait();
  if (!outcome) co_return chat::fail(chat::ErrorCode::unavailable, "not stored within the deadline");
  co_return *outcome;
}

bool MemoryQueue::put(const chat::RecordBatch& batch, std::shared_ptr<Receipt> receipt) {
  const std::size_t bytes = bytes_of(batch);
  std::shared_ptr<Wake> wake;
  {
    const std::scoped_lock lock(mutex_);
    if (bytes_ + bytes > options_.bytes_max) return false;
    bytes_ += bytes;
    append(batch);
    waiting_.back().receipts.push_back(std::move(receipt));
    wake = std::exchange(wake_, nullptr);
  }
  if (wake) wake->set(true);
  return true;
}

void MemoryQueue::append(const chat::RecordBatch& batch) {
  const std::size_t bytes = bytes_of(batch);
  if (within_bounds(batch.size(), bytes)) {
    Slot& slot = slot_for(batch.size(), bytes);
    if (slot.records.empty()) {
      slot.records = batch;  // two copies of memory, into capacity that is there already
      return;
    }
    for (const chat::MessageView& message : batch.messages) slot.records.messages.add(message);
    slot.records.marks.insert(slot.records.marks.end(), batch.marks.begin(), batch.marks.end());
    return;
  }
  for (const chat::MessageView& message : batch.messages) {
    slot_for(1, bytes_of(message)).records.messages.add(message);
  }
  for (const chat::Mark& mark : batch.marks) slot_for(1, bytes_of(mark)).records.marks.push_back(mark);
}

// The slot that `records` more of `bytes` go into; they are counted as in it.
MemoryQueue::Slot& MemoryQueue::slot_for(std::size_t records, std::size_t bytes) {
  if (waiting_.empty() || !within_bounds(waiting_.back().records.size() + records, waiting_.back().bytes + bytes)) {
    if (spares_.empty()) {
      waiting_.emplace_back();
    } else {
      waiting_.push_back(std::move(spares_.back()));
      spares_.pop_back();
    }
  }
  waiting_.back().bytes += bytes;
  return waiting_.back();
}

// Takes the first waiting slot's records; if there are none, `wake` is set as soon as there are.
bool MemoryQueue::take(chat::MessageSource::Received& out, std::shared_ptr<Wake> wake) {
  const std::scoped_lock lock(mutex_);
  if (waiting_.empty()) {
    wake_ = std::move(wake);
    return false;
  }
  handed_out_.push_back(std::move(waiting_.front()));
  waiting_.pop_front();
  Slot& slot = handed_out_.back();
  slot.token = ++last_token_;
  out.token = slot.token;
  out.records = slot.records;  // a copy: if the consumer is gone before it settles, the next one gets the same again
  return true;
}

void MemoryQueue::settle(std::uint64_t token) {
  std::vector<std::shared_ptr<Receipt>> receipts;
  {
    const std::scoped_lock lock(mutex_);
    while (!handed_out_.empty() && handed_out_.front().token <= token) {
      Slot slot = std::move(handed_out_.front());
      handed_out_.pop_front();
      bytes_ -= slot.bytes;
      std::ranges::move(slot.receipts, std::back_inserter(receipts));
      slot.receipts.clear();
      slot.records.clear();
      slot.bytes = 0;
      if (spares_.size() < kSparesMax) spares_.push_back(std::move(slot));
    }
  }
  for (const auto& receipt : receipts) receipt->set(chat::Result<void>{});
}

void MemoryQueue::give_back() {
  const std::scoped_lock lock(mutex_);
  while (!handed_out_.empty()) {
    waiting_.push_front(std::move(handed_out_.back()));
    handed_out_.pop_back();
  }
  wake_.reset();
  has_source_ = false;
}

}  // namespace simplechat::adapters::memory

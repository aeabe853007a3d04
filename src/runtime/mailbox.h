// How reactors talk: batches of values, moved from the sender's thread to the owner's.
//
// Sender: any thread. Owner: the reactor given, on which `consume` is called once for each batch, in the order in which
// they were put. Batches are exchanged, not copied: put() gives back an empty one that was used before, so that their
// memory goes round.
//
// Bound: `bytes_max` of batches that wait; beyond, put() refuses and the sender decides.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/reactor.h"

namespace simplechat::runtime {

// Batch: default-constructible, movable, with bytes(), empty() and clear().
template <class Batch>
class Mailbox {
 public:
  Mailbox(Reactor& owner, std::size_t bytes_max, std::function<void(const Batch&)> consume)
      : owner_(owner), bytes_max_(bytes_max), consume_(std::move(consume)) {}

  // Takes `batch` and leaves an empty one in its place. False, with `batch` untouched, if the mailbox is full.
  // Thread-safe.
  [[nodiscard]] bool put(Batch& batch) {
    bool wake = false;
    {
      const std::scoped_lock lock(mutex_);
      if (waiting_bytes_ != 0 && waiting_bytes_ + batch.bytes() > bytes_max_) return false;
      waiting_bytes_ += batch.bytes();
      wake = waiting_.empty();
      waiting_.push_back(std::move(batch));
      batch = take_spare();
    }
    if (wake) owner_.post([this] { deliver(); });
    return true;
  }

 private:
  static constexpr std::size_t kSparesMax = 16;

  Batch take_spare() {
    if (spares_.empty()) return Batch{};
    Batch spare = std::move(spares_.back());
    spares_.pop_back();
    return spare;
  }

  void deliver() {
    {
      const std::scoped_lock lock(mutex_);
      arrived_.swap(waiting_);
      waiting_bytes_ = 0;
    }
    for (const Batch& batch : arrived_) consume_(batch);
    const std::scoped_lock lock(mutex_);
    for (Batch& batch : arrived_) {
      batch.clear();
      if (spares_.size() < kSparesMax) spares_.push_back(std::move(batch));
    }
    arrived_.clear();
  }

  Reactor& owner_;
  const std::size_t bytes_max_;
  const std::function<void(const Batch&)> consume_;
  std::vector<Batch> arrived_;  // the owner's

  std::mutex mutex_;
  std::vector<Batch> waiting_;     // guarded by mutex_
  std::vector<Batch> spares_;      // guarded by mutex_
  std::size_t waiting_bytes_ = 0;  // guarded by mutex_
};

}  // namespace simplechat::runtime

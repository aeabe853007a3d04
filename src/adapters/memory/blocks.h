// Blocks in the process: for the embedded server, whose BlockFile puts a file under it, and for tests.
//
// Thread-safe: the reactors of a process share it. A run of the process is one store: no version outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "adapters/memory/change_log.h"
#include "chat/blocks.h"

namespace simplechat::adapters::memory {

class MemoryBlocks final : public chat::Blocks {
 public:
  // `now_s`: seconds since the Unix epoch. `store`: names this store in its versions.
  MemoryBlocks(std::function<std::int64_t()> now_s, std::string store, chat::BlockLimits limits = {})
      : now_s_(std::move(now_s)), store_(std::move(store)), limits_(limits) {}

  chat::Task<chat::Result<void>> change_blocks(std::span<const chat::BlockChange> changes) override;
  chat::Task<chat::Result<chat::BlockChanges>> blocks_since(const std::string& version) override;

  // The same without waiting. All of a call's changes are made, or none.
  [[nodiscard]] chat::Result<void> change_now(std::span<const chat::BlockChange> changes);
  [[nodiscard]] chat::BlockChanges since_now(const std::string& version);
  // Whether the changes would be made and change anything, and the error if they would not be made.
  [[nodiscard]] chat::Result<bool> would_change(std::span<const chat::BlockChange> changes);
  // As change_now(), but beyond the limits too: what has been kept is not let go of.
  void restore(std::span<const chat::BlockChange> changes);
  [[nodiscard]] std::size_t size();

 private:
  using Pair = std::pair<std::string, std::string>;  // who has blocked, and whom

  // All of these under mutex_.
  [[nodiscard]] chat::Result<bool> check(std::span<const chat::BlockChange> changes) const;
  void apply(std::span<const chat::BlockChange> changes);
  void forget_old();
  [[nodiscard]] bool is_new(const chat::BlockChange& change) const;

  const std::function<std::int64_t()> now_s_;
  const std::string store_;
  const chat::BlockLimits limits_;
  std::mutex mutex_;
  ChangeLog<Pair, bool> log_;                  // guarded by mutex_: true: blocked, false: no more
  std::map<std::string, std::size_t> counts_;  // guarded by mutex_: how many a user has blocked, if any
  std::uint64_t forgotten_ = 0;                // guarded by mutex_: the number of the latest removal that was forgotten
};

}  // namespace simplechat::adapters::memory

// The embedded server's blocks: in memory, and in a file of JSON lines (wire/block_body.h, as POST /v1/block), from
// which they are read when the process starts again.
//
// Thread-safe. The file grows with every change, and is written anew without what is no more when it is read, and when
// it has grown to more than kChangesPerBlockMax changes for each block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "adapters/memory/blocks.h"
#include "adapters/memory/journal_file.h"

namespace simplechat::adapters::memory {

class BlockFile final : public chat::Blocks {
 public:
  static constexpr std::size_t kChangesPerBlockMax = 3;
  static constexpr std::size_t kChangesMin = 10'000;  // before that it is not written anew

  // Throws std::runtime_error naming the file if it cannot be read or written, or is damaged. `limits` are for what is
  // added: what is in the file stays.
  BlockFile(std::filesystem::path path, std::function<std::int64_t()> now_s, std::string store,
            chat::BlockLimits limits = {});

  chat::Task<chat::Result<void>> change_blocks(std::span<const chat::BlockChange> changes) override;
  chat::Task<chat::Result<chat::BlockChanges>> blocks_since(const std::string& version) override;

 private:
  [[nodiscard]] std::string all_lines();
  // On the file's thread.
  [[nodiscard]] chat::Result<void> change(const std::vector<chat::BlockChange>& changes);

  MemoryBlocks memory_;
  std::size_t changes_ = 0;  // in the file; the file's thread's
  JournalFile file_;         // last: its thread ends before what it works on
};

}  // namespace simplechat::adapters::memory

// The embedded server's revocations: in memory, and in a file of JSON lines (wire/revocation_body.h, as POST
// /v1/revoke), from which they are read when the process starts again.
//
// Thread-safe. What has run out is left out when the file is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "adapters/memory/journal_file.h"
#include "adapters/memory/revocations.h"

namespace simplechat::adapters::memory {

class RevocationFile final : public chat::Revocations {
 public:
  // Throws std::runtime_error naming the file if it cannot be read or written, or is damaged.
  RevocationFile(std::filesystem::path path, std::function<std::int64_t()> now_s, std::string store);

  chat::Task<chat::Result<void>> revoke(std::span<const chat::Revocation> revocations) override;
  chat::Task<chat::Result<chat::RevocationChanges>> changes_since(const std::string& version) override;

 private:
  [[nodiscard]] std::string all_lines();

  MemoryRevocations memory_;
  JournalFile file_;  // last: its thread ends before what it works on
};

}  // namespace simplechat::adapters::memory

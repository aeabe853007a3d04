// The embedded server's revocations: in memory, and in a file of JSON lines (wire/revocation_body.h, as POST
// /v1/revoke), from which they are read when the process starts again.
//
// Thread-safe. The file is written and flushed to the disk on a thread of its own; what has run out is left out when it
// is read. A line that a crash cut off is one that was never answered as kept.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "adapters/memory/revocations.h"
#include "runtime/worker.h"

namespace simplechat::adapters::memory {

class RevocationFile final : public chat::Revocations {
 public:
  // Throws std::runtime_error naming the file if it cannot be read or written, or is damaged: a server that has
  // forgotten whom it must not let in must not start.
  RevocationFile(std::filesystem::path path, std::function<std::int64_t()> now_s, std::string store);

  chat::Task<chat::Result<void>> revoke(std::span<const chat::Revocation> revocations) override;
  chat::Task<chat::Result<chat::RevocationChanges>> changes_since(const std::string& version) override;

 private:
  static constexpr std::size_t kWaitingMax = 16;

  void read();
  void write_anew();

  const std::filesystem::path path_;
  MemoryRevocations memory_;
  runtime::Worker worker_{"revocations", kWaitingMax};
};

}  // namespace simplechat::adapters::memory

// Revocations in the process: for the embedded server, whose RevocationFile puts a file under it, and for tests.
//
// Thread-safe: the reactors of a process share it. A run of the process is one store: no version outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "adapters/memory/change_log.h"
#include "chat/revocations.h"

namespace simplechat::adapters::memory {

class MemoryRevocations final : public chat::Revocations {
 public:
  // `now_s`: seconds since the Unix epoch. `store`: names this store in its versions.
  MemoryRevocations(std::function<std::int64_t()> now_s, std::string store)
      : now_s_(std::move(now_s)), store_(std::move(store)) {}

  chat::Task<chat::Result<void>> revoke(std::span<const chat::Revocation> revocations) override;
  chat::Task<chat::Result<chat::RevocationChanges>> changes_since(const std::string& version) override;

  // The same without waiting.
  [[nodiscard]] chat::Result<void> revoke_now(std::span<const chat::Revocation> revocations);
  [[nodiscard]] chat::RevocationChanges changes_now(const std::string& version);
  [[nodiscard]] std::size_t size();

 private:
  using Subject = std::pair<chat::Revoked, std::string>;

  struct Times {
    std::int64_t issued_until_s = 0;
    std::int64_t kept_until_s = 0;
  };

  const std::function<std::int64_t()> now_s_;
  const std::string store_;
  std::mutex mutex_;
  ChangeLog<Subject, Times> log_;  // guarded by mutex_
};

}  // namespace simplechat::adapters::memory

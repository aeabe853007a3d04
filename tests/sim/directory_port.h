// The directory: sv-discover and its Redis as one thing, kept in adapters/memory, and one gateway's way to it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "adapters/memory/directory.h"
#include "chat/directory.h"
#include "world.h"

namespace simplechat::sim {

// Outlives its ports.
class DirectoryService {
 public:
  explicit DirectoryService(World& world) : world_(world) { lose_data(); }

  // As a Redis that starts anew without its file.
  void lose_data() {
    records_ = std::make_shared<adapters::memory::MemoryDirectory>(std::chrono::steady_clock::now,
                                                                   [this] { return world_.wall_clock(clock_offset_); });
  }
  [[nodiscard]] std::shared_ptr<adapters::memory::MemoryDirectory> records() const { return records_; }
  // The mutation: what every change's fence becomes, so that the last one to arrive counts.
  [[nodiscard]] std::uint64_t next_fence() { return ++fence_; }
  // Whether that is another opening than the one before.
  [[nodiscard]] bool opened_anew(const std::string& incarnation, const std::string& opening) {
    return std::exchange(openings_[incarnation], opening) != opening;
  }
  [[nodiscard]] World& world() { return world_; }
  // By less than HybridLogicalClock::kSkewMax. (One that goes back breaks the order of replies: docs/guarantees.md.)
  void advance_clock(microseconds by) { clock_offset_ += by; }

 private:
  World& world_;
  std::shared_ptr<adapters::memory::MemoryDirectory> records_;
  std::map<std::string, std::string> openings_;  // the latest, by incarnation
  std::uint64_t fence_ = 0;
  microseconds clock_offset_{};
};

class DirectoryPort final : public chat::Directory {
 public:
  static constexpr const char* kPart = "directory";
  static constexpr milliseconds kDeadline{2000};  // as adapters/discover_http

  DirectoryPort(DirectoryService& service, const Process& process) : service_(service), process_(process) {}

  Task<Result<chat::LeaseState>> renew(const chat::GatewayIdentity& gateway, milliseconds lease) override;
  Task<Result<chat::Timestamp>> apply(const chat::GatewayIdentity& gateway,
                                      std::span<const chat::RecordChange> changes) override;
  Task<Result<chat::Locations>> locate(std::span<const std::string> users) override;
  Task<Result<void>> close(const chat::GatewayIdentity& gateway) override;

 private:
  DirectoryService& service_;
  const Process& process_;
};

}  // namespace simplechat::sim

// The directory in memory: of the server that is one process, and of the simulation.
//
// Thread-safe: callable from any reactor; every call completes at once, without leaving the caller's thread. Look-ups
// run beside each other; changes lock them out for a moment.
//
// What may be forgotten is, so that memory follows the users who are there: a release is remembered for kReleaseKept,
// longer than any earlier change may be on its way, and an incarnation without a lease, with all its records, for
// kLeaselessKept.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "chat/directory.h"
#include "runtime/sharded_map.h"

namespace simplechat::adapters::memory {

class MemoryDirectory final : public chat::Directory {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  static constexpr std::chrono::minutes kReleaseKept{10};
  static constexpr std::chrono::minutes kLeaselessKept{10};

  using WallClock = std::function<chat::Timestamp()>;

  // `clock` is what leases are measured by, `wall_clock` what callers are told. Both are called from every thread that
  // calls the directory.
  MemoryDirectory(Clock clock, WallClock wall_clock) : clock_(std::move(clock)), wall_clock_(std::move(wall_clock)) {}

  chat::Task<chat::Result<chat::LeaseState>> renew(const chat::GatewayIdentity& gateway,
                                                   std::chrono::milliseconds lease) override;
  chat::Task<chat::Result<chat::Timestamp>> apply(const chat::GatewayIdentity& gateway,
                                                  std::span<const chat::RecordChange> changes) override;
  chat::Task<chat::Result<chat::Locations>> locate(std::span<const std::string> users) override;
  chat::Task<chat::Result<void>> close(const chat::GatewayIdentity& gateway) override;

  // Users of whom anything is remembered, also that they have left.
  [[nodiscard]] std::size_t users() const;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Incarnation {
    chat::GatewayIdentity identity;
    bool leased = false;  // has opened a lease, which may have run out since
    bool died = false;    // and this has been counted
    std::string opening{};
    TimePoint lease_end;  // of the latest lease; the time of its first record if it never had one
  };
  struct Record {
    const Incarnation* holder;
    std::uint64_t fence;
    bool present;
  };
  struct Release {
    std::string user;
    const Incarnation* holder;
    std::uint64_t fence;
    TimePoint at;
  };

  // All of these are called with mutex_ held exclusively.
  [[nodiscard]] std::string new_opening(TimePoint now);
  Incarnation& incarnation_of(const chat::GatewayIdentity& gateway, TimePoint now);
  void count_deaths(const chat::GatewayIdentity& renewing, TimePoint now);
  void apply_one(const Incarnation& holder, const chat::RecordChange& change, TimePoint now);
  void forget_releases(TimePoint now);
  void forget_incarnations(const std::function<bool(const Incarnation&)>& which);

  const Clock clock_;
  const WallClock wall_clock_;
  mutable std::shared_mutex mutex_;
  std::vector<std::unique_ptr<Incarnation>> incarnations_;  // guarded by mutex_; a few: searched from end to end
  runtime::StringMap<std::vector<Record>> records_;         // guarded by mutex_; by user
  std::uint64_t openings_ = 0;                              // guarded by mutex_
  std::int64_t deaths_ = 0;                                 // guarded by mutex_
  std::deque<Release> releases_;                            // guarded by mutex_; oldest first
};

}  // namespace simplechat::adapters::memory

#include "adapters/memory/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <string>

namespace simplechat::adapters::memory {

chat::Task<chat::Result<chat::LeaseState>> MemoryDirectory::renew(const chat::GatewayIdentity& gateway,
                                                                  std::chrono::milliseconds lease) {
  const std::scoped_lock lock(mutex_);
  const TimePoint now = clock_();
  count_deaths(gateway, now);
  // Incarnations carry no order: whoever opens the lease last is the newest.
  forget_incarnations([&](const Incarnation& each) {
    const bool replaced = each.leased && each.identity.url == gateway.url && each.identity != gateway;
    return replaced || each.lease_end + kLeaselessKept < now;
  });
  Incarnation& incarnation = incarnation_of(gateway, now);
  if (!incarnation.leased || now >= incarnation.lease_end) incarnation.opening = new_opening(now);
  incarnation.leased = true;
  incarnation.died = false;
  incarnation.lease_end = now + lease;
  co_return chat::LeaseState{.opening = incarnation.opening, .deaths = deaths_, .now = wall_clock_()};
}

void MemoryDirectory::count_deaths(const chat::GatewayIdentity& renewing, TimePoint now) {
  for (const auto& each : incarnations_) {
    if (!each->leased || each->died || each->identity == renewing) continue;
    if (now < each->lease_end && each->identity.url != renewing.url) continue;
    each->died = true;
    ++deaths_;
  }
}

// Of this directory no other, and of another one that takes its place later none either.
std::string MemoryDirectory::new_opening(TimePoint now) {
  return fmt::format("{}-{}", now.time_since_epoch().count(), ++openings_);
}

chat::Task<chat::Result<chat::Timestamp>> MemoryDirectory::apply(const chat::GatewayIdentity& gateway,
                                                                 std::span<const chat::RecordChange> changes) {
  const std::scoped_lock lock(mutex_);
  const TimePoint now = clock_();
  forget_releases(now);
  const Incarnation& holder = incarnation_of(gateway, now);
  for (const chat::RecordChange& change : changes) apply_one(holder, change, now);
  co_return wall_clock_();
}

chat::Task<chat::Result<chat::Locations>> MemoryDirectory::locate(std::span<const std::string> users) {
  chat::Locations locations;
  const std::shared_lock lock(mutex_);
  const TimePoint now = clock_();
  for (const std::string& user : users) {
    locations.add_user();
    const auto entry = records_.find(user);
    if (entry == records_.end()) continue;
    for (const Record& record : entry->second) {
      const bool leased = record.holder->leased && now < record.holder->lease_end;
      if (record.present && leased) locations.add_gateway(record.holder->identity.url);
    }
  }
  co_return locations;
}

chat::Task<chat::Result<void>> MemoryDirectory::close(const chat::GatewayIdentity& gateway) {
  const std::scoped_lock lock(mutex_);
  forget_incarnations([&](const Incarnation& each) { return each.identity == gateway; });
  co_return chat::Result<void>();
}

std::size_t MemoryDirectory::users() const {
  const std::shared_lock lock(mutex_);
  return records_.size();
}

MemoryDirectory::Incarnation& MemoryDirectory::incarnation_of(const chat::GatewayIdentity& gateway, TimePoint now) {
  const auto known = std::ranges::find_if(incarnations_, [&](const auto& each) { return each->identity == gateway; });
  if (known != incarnations_.end()) return **known;
  return *incarnations_.emplace_back(std::make_unique<Incarnation>(Incarnation{.identity = gateway, .lease_end = now}));
}

void MemoryDirectory::apply_one(const Incarnation& holder, const chat::RecordChange& change, TimePoint now) {
  std::vector<Record>& records = records_[change.user];
  const auto held = std::ranges::find(records, &holder, &Record::holder);
  if (held == records.end()) {
    records.push_back({.holder = &holder, .fence = change.fence, .present = change.present});
  } else if (held->fence < change.fence) {
    held->fence = change.fence;
    held->present = change.present;
  } else {
    return;
  }
  if (!change.present) releases_.push_back({change.user, &holder, change.fence, now});
}

void MemoryDirectory::forget_releases(TimePoint now) {
  for (; !releases_.empty() && releases_.front().at + kReleaseKept < now; releases_.pop_front()) {
    const Release& release = releases_.front();
    const auto entry = records_.find(release.user);
    if (entry == records_.end()) continue;
    std::erase_if(entry->second, [&](const Record& record) {
      return record.holder == release.holder && record.fence == release.fence && !record.present;
    });
    if (entry->second.empty()) records_.erase(entry);
  }
}

void MemoryDirectory::forget_incarnations(const std::function<bool(const Incarnation&)>& which) {
  const auto forgotten = std::ranges::partition(incarnations_, [&](const auto& each) { return !which(*each); });
  if (forgotten.empty()) return;
  const auto is_forgotten = [&](const Incarnation* holder) {
    return std::ranges::any_of(forgotten, [holder](const auto& each) { return each.get() == holder; });
  };
  std::erase_if(releases_, [&](const Release& release) { return is_forgotten(release.holder); });
  erase_if(records_, [&](auto& entry) {
    std::erase_if(entry.second, [&](const Record& record) { return is_forgotten(record.holder); });
    return entry.second.empty();
  });
  incarnations_.erase(forgotten.begin(), forgotten.end());
}

}  // namespace simplechat::adapters::memory

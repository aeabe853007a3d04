#include "adapters/memory/revocations.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace simplechat::adapters::memory {
namespace {

// The number of a version "<store>-<number>"; nothing if it is another store's.
std::optional<std::uint64_t> number_of(std::string_view version, std::string_view store) {
  if (!version.starts_with(store)) return std::nullopt;
  version.remove_prefix(store.size());
  if (!version.starts_with('-')) return std::nullopt;
  version.remove_prefix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
  if (error != std::errc() || end != version.data() + version.size()) return std::nullopt;
  return number;
}

}  // namespace

chat::Result<void> MemoryRevocations::revoke_now(std::span<const chat::Revocation> revocations) {
  if (revocations.size() > chat::kRevocationsPerCallMax) {
    return chat::fail(chat::ErrorCode::too_large, "too many revocations in one call");
  }
  const std::scoped_lock lock(mutex_);
  forget_old();
  for (const chat::Revocation& revocation : revocations) {
    if (revocation.kept_until_s <= now_s_()) continue;
    const Subject subject{revocation.what, revocation.subject};
    chat::Revocation merged = revocation;
    if (const auto known = numbers_.find(subject); known != numbers_.end()) {
      const chat::Revocation& before = changes_.at(known->second);
      merged.issued_until_s = std::max(merged.issued_until_s, before.issued_until_s);
      merged.kept_until_s = std::max(merged.kept_until_s, before.kept_until_s);
      if (merged == before) continue;
      erase(known->second);
    } else if (numbers_.size() >= chat::kRevocationsMax) {
      return chat::fail(chat::ErrorCode::unavailable, "as many revocations are kept as may be");
    }
    numbers_[subject] = ++latest_;
    ends_.emplace(merged.kept_until_s, latest_);
    changes_.emplace(latest_, std::move(merged));
  }
  return {};
}

chat::RevocationChanges MemoryRevocations::changes_now(const std::string& version) {
  const std::scoped_lock lock(mutex_);
  forget_old();
  const auto known = number_of(version, store_);
  std::uint64_t last = known.value_or(0);
  chat::RevocationChanges changes{.all = !known};
  for (auto change = changes_.upper_bound(last); change != changes_.end(); ++change) {
    if (changes.revocations.size() == chat::kRevocationsPerCallMax) {
      changes.more = true;
      break;
    }
    last = change->first;
    changes.revocations.push_back(change->second);
  }
  changes.version = store_ + "-" + std::to_string(changes.more ? last : latest_);
  return changes;
}

void MemoryRevocations::forget_old() {
  const std::int64_t now_s = now_s_();
  while (!ends_.empty() && ends_.begin()->first <= now_s) erase(ends_.begin()->second);
}

void MemoryRevocations::erase(std::uint64_t number) {
  const auto change = changes_.find(number);
  ends_.erase({change->second.kept_until_s, number});
  numbers_.erase({change->second.what, change->second.subject});
  changes_.erase(change);
}

std::size_t MemoryRevocations::size() {
  const std::scoped_lock lock(mutex_);
  forget_old();
  return numbers_.size();
}

chat::Task<chat::Result<void>> MemoryRevocations::revoke(std::span<const chat::Revocation> revocations) {
  co_return revoke_now(revocations);
}

chat::Task<chat::Result<chat::RevocationChanges>> MemoryRevocations::changes_since(const std::string& version) {
  co_return changes_now(version);
}

}  // namespace simplechat::adapters::memory

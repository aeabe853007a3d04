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
  const std::int64_t now_s = now_s_();
  static_cast<void>(log_.forget(now_s));
  for (const chat::Revocation& revocation : revocations) {
    if (revocation.kept_until_s <= now_s) continue;
    const Subject subject{revocation.what, revocation.subject};
    Times times{.issued_until_s = revocation.issued_until_s, .kept_until_s = revocation.kept_until_s};
    if (const Times* const before = log_.find(subject)) {
      times.issued_until_s = std::max(times.issued_until_s, before->issued_until_s);
      times.kept_until_s = std::max(times.kept_until_s, before->kept_until_s);
      if (times.issued_until_s == before->issued_until_s && times.kept_until_s == before->kept_until_s) continue;
    } else if (log_.size() >= chat::kRevocationsMax) {
      return chat::fail(chat::ErrorCode::unavailable, "as many revocations are kept as may be");
    }
    log_.put(subject, times, times.kept_until_s);
  }
  return {};
}

chat::RevocationChanges MemoryRevocations::changes_now(const std::string& version) {
  const std::scoped_lock lock(mutex_);
  static_cast<void>(log_.forget(now_s_()));
  const auto known = number_of(version, store_);
  chat::RevocationChanges changes{.all = !known};
  const auto [last, more] = log_.visit_since(known.value_or(0), chat::kRevocationsPerCallMax,
                                             [&](const Subject& subject, const Times& times, std::uint64_t) {
                                               changes.revocations.push_back({.what = subject.first,
                                                                              .subject = subject.second,
                                                                              .issued_until_s = times.issued_until_s,
                                                                              .kept_until_s = times.kept_until_s});
                                             });
  changes.version = store_ + "-" + std::to_string(last);
  changes.more = more;
  return changes;
}

std::size_t MemoryRevocations::size() {
  const std::scoped_lock lock(mutex_);
  static_cast<void>(log_.forget(now_s_()));
  return log_.size();
}

chat::Task<chat::Result<void>> MemoryRevocations::revoke(std::span<const chat::Revocation> revocations) {
  co_return revoke_now(revocations);
}

chat::Task<chat::Result<chat::RevocationChanges>> MemoryRevocations::changes_since(const std::string& version) {
  co_return changes_now(version);
}

}  // namespace simplechat::adapters::memory

#include "adapters/memory/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace simplechat::adapters::memory {
namespace {

// A version is "<store>-<number>-<base>": everything is known up to the change of that number. Less than `base`: it is
// being read from the beginning, which began when `base` was the latest change.
struct Version {
  std::uint64_t number = 0;
  std::uint64_t base = 0;
};

std::optional<std::uint64_t> take_number(std::string_view& text) {
  if (!text.starts_with('-')) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// Nothing if it is another store's.
std::optional<Version> parse_version(std::string_view text, std::string_view store) {
  if (!text.starts_with(store)) return std::nullopt;
  text.remove_prefix(store.size());
  const auto number = take_number(text);
  const auto base = take_number(text);
  if (!number || !base || !text.empty()) return std::nullopt;
  return Version{.number = *number, .base = *base};
}

}  // namespace

bool MemoryBlocks::is_new(const chat::BlockChange& change) const {
  const bool* const known = log_.find({change.user, change.blocked});
  return known == nullptr || *known != change.present;
}

chat::Result<bool> MemoryBlocks::check(std::span<const chat::BlockChange> changes) const {
  if (changes.size() > chat::kBlockChangesPerCallMax) return chat::too_many_block_changes();
  std::map<std::string, std::size_t> more_of;
  std::size_t more = 0;
  bool any = false;
  for (const chat::BlockChange& change : changes) {
    if (!is_new(change)) continue;
    any = true;
    if (!change.present) continue;
    const auto count = counts_.find(change.user);
    if (++more_of[change.user] + (count == counts_.end() ? 0 : count->second) > limits_.of_user) {
      return chat::too_many_blocks_of(change.user, limits_.of_user);
    }
    if (++more + (log_.size() - log_.ending()) > limits_.blocks) return chat::too_many_blocks();
  }
  return any;
}

void MemoryBlocks::apply(std::span<const chat::BlockChange> changes) {
  const std::int64_t removal_ends_s = now_s_() + limits_.removal_kept.count();
  for (const chat::BlockChange& change : changes) {
    if (!is_new(change)) continue;
    const Pair pair{change.user, change.blocked};
    const bool* const known = log_.find(pair);
    const bool was_blocked = known != nullptr && *known;
    log_.put(pair, change.present, change.present ? decltype(log_)::kNoEnd : removal_ends_s);
    if (change.present) {
      ++counts_[change.user];
    } else if (was_blocked && --counts_[change.user] == 0) {
      counts_.erase(change.user);
    }
  }
  forget_old();
}

void MemoryBlocks::forget_old() { forgotten_ = std::max(forgotten_, log_.forget(now_s_(), limits_.removals)); }

chat::Result<void> MemoryBlocks::change_now(std::span<const chat::BlockChange> changes) {
  const std::scoped_lock lock(mutex_);
  if (auto checked = check(changes); !checked) return std::unexpected(std::move(checked).error());
  apply(changes);
  return {};
}

chat::Result<bool> MemoryBlocks::would_change(std::span<const chat::BlockChange> changes) {
  const std::scoped_lock lock(mutex_);
  return check(changes);
}

void MemoryBlocks::restore(std::span<const chat::BlockChange> changes) {
  const std::scoped_lock lock(mutex_);
  apply(changes);
}

chat::BlockChanges MemoryBlocks::since_now(const std::string& version) {
  const std::scoped_lock lock(mutex_);
  forget_old();
  const auto known = parse_version(version, store_);
  const bool lost = !known && !version.empty();
  const bool all = !known || std::max(known->number, known->base) < forgotten_;
  const Version from = all ? Version{.number = 0, .base = log_.latest()} : *known;
  chat::BlockChanges changes{.all = all, .lost = lost};
  const auto [last, more] = log_.visit_since(
      from.number, chat::kBlockChangesPerCallMax, [&](const Pair& pair, bool present, std::uint64_t number) {
        if (!present && number <= from.base) return;  // never told it was there
        changes.changes.push_back({.user = pair.first, .blocked = pair.second, .present = present});
      });
  changes.more = more;
  changes.version = fmt::format("{}-{}-{}", store_, last, from.base);
  return changes;
}

std::size_t MemoryBlocks::size() {
  const std::scoped_lock lock(mutex_);
  return log_.size() - log_.ending();
}

chat::Task<chat::Result<void>> MemoryBlocks::change_blocks(std::span<const chat::BlockChange> changes) {
  co_return change_now(changes);
}

chat::Task<chat::Result<chat::BlockChanges>> MemoryBlocks::blocks_since(const std::string& version) {
  co_return since_now(version);
}

}  // namespace simplechat::adapters::memory

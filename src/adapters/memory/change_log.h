// Values by key, each with the number of its latest change, so that whoever knows a number can be told what has changed
// since: what the memory implementations of versioned lists (revocations, blocks) have in common.
//
// Owner: the list, which guards it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace simplechat::adapters::memory {

template <class Key, class Value>
class ChangeLog {
 public:
  using Number = std::uint64_t;
  static constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

  // nullptr: there is none.
  [[nodiscard]] const Value* find(const Key& key) const {
    const auto entry = entries_.find(key);
    return entry == entries_.end() ? nullptr : &entry->second.value;
  }

  // The key's latest change. From `ends_s` on (seconds since the Unix epoch) it may be forgotten.
  void put(const Key& key, Value value, std::int64_t ends_s = kNoEnd) {
    const auto [entry, is_new] = entries_.try_emplace(key);
    if (!is_new) unlist(entry->second);
    entry->second = {std::move(value), ++latest_, ends_s};
    by_number_.emplace_hint(by_number_.end(), latest_, entry);
    if (ends_s != kNoEnd) ends_.emplace(ends_s, latest_);
  }

  // Forgets what has ended; beyond `ending_max`, also what ends first. Returns the greatest number forgotten, 0 if
  // none.
  Number forget(std::int64_t now_s, std::size_t ending_max = std::numeric_limits<std::size_t>::max()) {
    Number greatest = 0;
    while (!ends_.empty() && (ends_.begin()->first <= now_s || ends_.size() > ending_max)) {
      const Number number = ends_.begin()->second;
      greatest = std::max(greatest, number);
      const auto entry = by_number_.at(number);
      unlist(entry->second);
      entries_.erase(entry);
    }
    return greatest;
  }

  // Calls visit(key, value, number) for at most `max` changes after `since`. Returns the number to go on from, and
  // whether there are more.
  template <class Visit>
  [[nodiscard]] std::pair<Number, bool> visit_since(Number since, std::size_t max, Visit visit) const {
    Number last = since;
    for (auto change = by_number_.upper_bound(since); change != by_number_.end(); ++change) {
      if (max-- == 0) return {last, true};
      last = change->first;
      visit(change->second->first, change->second->second.value, last);
    }
    return {latest_, false};
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t ending() const { return ends_.size(); }
  [[nodiscard]] Number latest() const { return latest_; }

 private:
  struct Entry {
    Value value{};
    Number number = 0;
    std::int64_t ends_s = kNoEnd;
  };
  using Entries = std::map<Key, Entry>;

  void unlist(const Entry& entry) {
    by_number_.erase(entry.number);
    ends_.erase({entry.ends_s, entry.number});
  }

  Entries entries_;
  std::map<Number, typename Entries::iterator> by_number_;
  std::set<std::pair<std::int64_t, Number>> ends_;
  Number latest_ = 0;
};

}  // namespace simplechat::adapters::memory

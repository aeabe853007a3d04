// A map that all reactors of a process share: string keys to small values, in shards with a lock each.
//
// For the few facts that every reactor asks about and any may change, where a mailbox hop per question would cost more
// than a lock that is held for one look-up. Everything else has one owner.
#pragma once

#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace simplechat::runtime {

// A text whose hash is known already.
struct HashedText {
  std::string_view text;
  std::size_t hash;

  friend bool operator==(const HashedText& hashed, std::string_view other) { return hashed.text == other; }
};

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  std::size_t operator()(const HashedText& hashed) const { return hashed.hash; }
};

template <class Value>
using StringMap = boost::unordered_flat_map<std::string, Value, StringHash, std::equal_to<>>;

template <class Value>
class ShardedMap {
 public:
  static constexpr std::size_t kShards = 64;

  // The value of `key`, or Value{} if there is none. Thread-safe.
  [[nodiscard]] Value get(std::string_view key) const {
    const HashedText hashed{.text = key, .hash = StringHash{}(key)};
    const Shard& shard = shards_[index_of(hashed.hash)];
    const std::scoped_lock lock(shard.mutex);
    const auto entry = shard.values.find(hashed);
    return entry == shard.values.end() ? Value{} : entry->second;
  }

  // Returns what `look(const Value&)` returns of the value of `key`, or of Value{}, under the shard's lock.
  // Thread-safe.
  template <class Look>
  [[nodiscard]] auto look(std::string_view key, Look&& look) const {
    const HashedText hashed{.text = key, .hash = StringHash{}(key)};
    const Shard& shard = shards_[index_of(hashed.hash)];
    const std::scoped_lock lock(shard.mutex);
    const auto entry = shard.values.find(hashed);
    return entry == shard.values.end() ? look(Value{}) : look(entry->second);
  }

  // Whether there are no keys: one load. Thread-safe.
  [[nodiscard]] bool empty() const { return keys_.load(std::memory_order_acquire) == 0; }

  // Calls `change(value, serial)` on the value of `key` (Value{} if there was none) under the shard's lock, then keeps
  // it unless it equals Value{}. `serial` is greater than in every earlier call for the same key. Returns what `change`
  // returns. Thread-safe.
  template <class Change>
  auto update(std::string_view key, Change&& change) {
    const HashedText hashed{.text = key, .hash = StringHash{}(key)};
    Shard& shard = shards_[index_of(hashed.hash)];
    const std::scoped_lock lock(shard.mutex);
    auto entry = shard.values.find(hashed);
    const bool was_there = entry != shard.values.end();
    if (!was_there) entry = shard.values.emplace(std::string(key), Value{}).first;
    auto result = change(entry->second, ++shard.serial);
    const bool is_there = entry->second != Value{};
    if (!is_there) shard.values.erase(entry);
    if (is_there && !was_there) keys_.fetch_add(1, std::memory_order_release);
    if (was_there && !is_there) keys_.fetch_sub(1, std::memory_order_release);
    return result;
  }

  // Calls `change(key, value)` on each value of one shard under its lock, then keeps those that differ from Value{}.
  // Thread-safe.
  template <class Change>
  void update_shard(std::size_t index, Change&& change) {
    Shard& shard = shards_[index];
    const std::scoped_lock lock(shard.mutex);
    const std::size_t gone = boost::unordered::erase_if(shard.values, [&change](auto& entry) {
      change(entry.first, entry.second);
      return entry.second == Value{};
    });
    keys_.fetch_sub(gone, std::memory_order_release);
  }

  // Drops the values of one shard for which `drop(value)` holds, the next one's with each call, so that no look-up
  // waits long for it: all have been asked after kShards calls. From one thread only.
  template <class Drop>
  void sweep(Drop&& drop) {
    Shard& shard = shards_[next_sweep_];
    next_sweep_ = (next_sweep_ + 1) % kShards;
    const std::scoped_lock lock(shard.mutex);
    const std::size_t gone =
        boost::unordered::erase_if(shard.values, [&drop](auto& entry) { return drop(entry.second); });
    keys_.fetch_sub(gone, std::memory_order_release);
  }

  // Sum over the shards, each at its own moment. Thread-safe.
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    for (const Shard& shard : shards_) {
      const std::scoped_lock lock(shard.mutex);
      sum += shard.values.size();
    }
    return sum;
  }

 private:
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    StringMap<Value> values;   // guarded by mutex
    std::uint64_t serial = 0;  // guarded by mutex
  };

  // The map inside a shard takes the hash's other bits.
  [[nodiscard]] static std::size_t index_of(std::size_t hash) { return (hash >> 48) % kShards; }

  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> keys_ = 0;
  std::size_t next_sweep_ = 0;
};

}  // namespace simplechat::runtime

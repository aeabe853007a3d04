// Who has blocked whom, as the gateway knows it.
//
// Shared by the gateway's reactors; thread-safe. One copy for all of them, since there may be a million blocks. The ids
// themselves are kept and compared, not hashes of them: no two users are ever taken for two others, and the gateways
// can tell a store that has lost its data. Changed by the BlockWatch alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sharded_map.h"

namespace simplechat::sv_websocket {

// Whom a user has blocked, in byte order.
using BlockedUsers = std::vector<std::string>;

[[nodiscard]] inline bool has_blocked(const BlockedUsers& blocked, std::string_view other) {
  return std::ranges::binary_search(blocked, other, std::less<>());
}
// True if that changed something.
inline bool change_blocked(BlockedUsers& blocked, std::string_view other, bool present) {
  const auto place = std::ranges::lower_bound(blocked, other, std::less<>());
  if ((place != blocked.end() && *place == other) == present) return false;
  if (present) {
    blocked.emplace(place, other);
  } else {
    blocked.erase(place);
  }
  return true;
}

class BlockTable {
 public:
  // Whether nobody has blocked anybody: one load.
  [[nodiscard]] bool empty() const { return blocked_.empty(); }
  [[nodiscard]] bool blocks(std::string_view user, std::string_view other) const {
    return blocked_.look(user, [other](const BlockedUsers& blocked) { return has_blocked(blocked, other); });
  }
  [[nodiscard]] BlockedUsers blocked_by(std::string_view user) const { return blocked_.get(user); }

  // True if that changed something.
  bool change(std::string_view user, std::string_view other, bool present) {
    return blocked_.update(
        user, [&](BlockedUsers& blocked, std::uint64_t) { return change_blocked(blocked, other, present); });
  }

  // So that nobody has to wait long, in parts: calls change(user, BlockedUsers&) for those of one of kParts.
  static constexpr std::size_t kParts = runtime::ShardedMap<BlockedUsers>::kShards;
  template <class Change>
  void change_part(std::size_t part, Change&& change) {
    blocked_.update_shard(part, change);
  }

 private:
  runtime::ShardedMap<BlockedUsers> blocked_;  // by who has blocked them
};

}  // namespace simplechat::sv_websocket

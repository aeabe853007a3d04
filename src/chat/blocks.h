// Port: who has blocked whom.
//
// A block is of one user by another: the first wants nothing from the second. Unlike a revocation it has no end of its
// own and can be taken back, so the removals are changes as well; each is remembered for a while, for those who ask
// what has changed.
//
// Implementations: adapters/memory (in the process, and in a file), adapters/redis (behind sv-discover),
// adapters/discover_http (a gateway's view of sv-discover). All pass adapters/contract/blocks_contract.h. Every call
// ends within the implementation's deadline with a value, unavailable or too_large, and may be repeated.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "chat/error.h"
#include "chat/task.h"

namespace simplechat::chat {

inline constexpr std::size_t kBlockChangesPerCallMax = 1000;  // to change_blocks(), and of blocks_since()

// How much a store keeps.
struct BlockLimits {
  std::size_t blocks = 1'000'000;  // beyond: unavailable
  std::size_t of_user = 1000;      // that one user has blocked; beyond: too_large
  // Removals that are remembered, for so long. Who has not asked for longer is told everything.
  std::size_t removals = 100'000;
  std::chrono::seconds removal_kept = std::chrono::hours(24);
};

// The ids are user ids, and not the same one.
struct BlockChange {
  std::string user;
  std::string blocked;  // by `user`
  bool present = true;  // false: no more

  bool operator==(const BlockChange&) const = default;
};

struct BlockChanges {
  // For the next call: 1 to 64 printable ASCII characters.
  std::string version{};
  // From here on, over all pages until one without `more`, comes everything that there is: what is not among it is
  // blocked no more, unless the store has lost it.
  bool all = false;
  // With `all`: the version that was asked about is not one of these data. Who knows blocks that are not among them has
  // to make them again.
  bool lost = false;
  bool more = false;  // ask again at once
  std::vector<BlockChange> changes{};
};

class Blocks {
 public:
  virtual ~Blocks() = default;

  // Keeps the changes, in order, durably where the implementation has a disk behind it. What is so already is no
  // change; to remove what is not there is one, since somebody may know it still. Errors: unavailable, also beyond
  // BlockLimits::blocks; too_large, beyond BlockLimits::of_user and kBlockChangesPerCallMax. After an error the earlier
  // ones may be kept.
  virtual Task<Result<void>> change_blocks(std::span<const BlockChange> changes) = 0;

  // What has changed since `version`, the earliest first, of each pair the latest; empty: from the beginning.
  virtual Task<Result<BlockChanges>> blocks_since(const std::string& version) = 0;
};

// The errors at the bounds, in the same words everywhere.
[[nodiscard]] inline std::unexpected<Error> too_many_block_changes() {
  return fail(ErrorCode::too_large, "too many changes of blocks in one call");
}
[[nodiscard]] inline std::unexpected<Error> too_many_blocks() {
  return fail(ErrorCode::unavailable, "as many blocks are kept as may be (blocks-max)");
}
[[nodiscard]] inline std::unexpected<Error> too_many_blocks_of(const std::string& user, std::size_t max) {
  return fail(ErrorCode::too_large, user + " has blocked as many users as may be: " + std::to_string(max));
}

}  // namespace simplechat::chat

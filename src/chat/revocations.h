// Port: which proofs of identity count no more, though their own time has not run out.
//
// A revocation is of a user (all tokens that were issued until a moment) or of one token by its id. It is kept until no
// token that it is about can be valid any longer. Revocations are never taken back: later tokens are not touched by
// them.
//
// Implementations: adapters/memory (in the process, and in a file), adapters/redis (behind sv-discover),
// adapters/discover_http (a gateway's view of sv-discover). All pass adapters/contract/revocations_contract.h. Every
// call ends within the implementation's deadline with a value or ErrorCode::unavailable, and may be repeated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chat/error.h"
#include "chat/task.h"

namespace simplechat::chat {

inline constexpr std::size_t kRevocationsMax = 50'000;       // kept at a time; beyond: unavailable, none is let go of
inline constexpr std::size_t kRevocationsPerCallMax = 1000;  // to revoke(), and of changes_since(); beyond: too_large

enum class Revoked : std::uint8_t { user, token };

// Times are seconds since the Unix epoch.
struct Revocation {
  Revoked what = Revoked::user;
  std::string subject{};            // a user id, or a token's id (`jti`): 1 to 256 bytes of UTF-8
  std::int64_t issued_until_s = 0;  // of a user: tokens that were issued until then, that second included
  std::int64_t kept_until_s = 0;    // when it may be forgotten

  bool operator==(const Revocation&) const = default;
};

struct RevocationChanges {
  // For the next call: 1 to 64 printable ASCII characters.
  std::string version{};
  // These and what follows are all that there are: the version that was asked about is not one of this store, or not
  // any more. Who knows others has to revoke them again.
  bool all = false;
  bool more = false;  // ask again at once
  std::vector<Revocation> revocations{};
};

class Revocations {
 public:
  virtual ~Revocations() = default;

  // Keeps them, durably where the implementation has a disk behind it. Of a subject that is there already the later
  // times count. Errors: unavailable, also where kRevocationsMax are kept; too_large.
  virtual Task<Result<void>> revoke(std::span<const Revocation> revocations) = 0;

  // What was added or changed since `version`, the earliest first; empty: from the beginning.
  virtual Task<Result<RevocationChanges>> changes_since(const std::string& version) = 0;
};

}  // namespace simplechat::chat

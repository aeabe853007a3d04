// What bounds a session's registration, where clients show tokens. Owned by its session, which has none as long as
// nothing bounds it: an idle connection without a token pays a pointer.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace simplechat::sv_websocket {

struct Credential {
  static constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();

  std::unique_ptr<std::string> offered{};  // the token that came with the opening handshake, until `register` takes it
  std::uint32_t expires_s = kNever;        // by the clock of Session::check_expiry()
  std::uint32_t issued_s = 0;              // seconds since the Unix epoch; 0: not told
  std::uint64_t token_hash = 0;            // of the token's id; 0: it has none
};

// The ids themselves would cost every session some 40 bytes. Two of 64 bits are the same by chance
// for one pair of 1.8e19: then a session is closed that should not be, and is told to show its token anew.
[[nodiscard]] inline std::uint64_t hash_of_token_id(std::string_view id) {
  const std::uint64_t hash = std::hash<std::string_view>{}(id);
  return id.empty() ? 0 : hash == 0 ? 1 : hash;
}

}  // namespace simplechat::sv_websocket

// Which strings are a user id, a group address and a message id (wire contract, section 2). The wire rooms check once,
// where bytes become values; everything behind them takes ids as already valid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace simplechat::chat {

inline constexpr std::size_t kUserIdBytesMax = 64;
inline constexpr std::size_t kMessageIdBytesMax = 64;

// 1 to 64 characters of A-Z a-z 0-9 . _ - @ +
[[nodiscard]] bool is_user_id(std::string_view text);

// `#` and 1 to 63 characters of a user id's alphabet.
[[nodiscard]] bool is_group_address(std::string_view text);

// 1 to 64 printable ASCII characters (0x20 to 0x7e).
[[nodiscard]] bool is_message_id(std::string_view text);

// The key under which both directions of a conversation are stored: the group's address, or the two users in byte order
// joined by a comma, which no user id contains. At most 129 bytes.
[[nodiscard]] std::string conversation_key(std::string_view from, std::string_view to);

// The other side of `conversation` as `user` names it: the group's address, or the other user (oneself in a
// conversation with oneself). `conversation` must be a key of conversation_key() that `user` is part of.
[[nodiscard]] std::string_view other_side(std::string_view conversation, std::string_view user);

// A hash of the conversation of (from, to), the same for both directions, on every machine and in every version: it
// decides the queue partition, so changing it reorders messages that are in flight.
[[nodiscard]] std::uint64_t conversation_hash(std::string_view from, std::string_view to);

}  // namespace simplechat::chat

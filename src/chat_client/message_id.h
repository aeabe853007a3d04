// Ids for messages of this client: UUIDv7 (RFC 9562 5.7), in its usual text form.
#pragma once

#include <cstdint>
#include <string>

namespace simplechat::chat_client {

// `unix_ms`: 48 bits count. `random`: 74 bits of them count.
[[nodiscard]] std::string make_message_id(std::uint64_t unix_ms, std::uint64_t random_high, std::uint64_t random_low);

}  // namespace simplechat::chat_client

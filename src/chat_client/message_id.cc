#include "chat_client/message_id.h"

#include <fmt/format.h>

namespace simplechat::chat_client {

std::string make_message_id(std::uint64_t unix_ms, std::uint64_t random_high, std::uint64_t random_low) {
  constexpr std::uint64_t kVersion = 0x7000;
  constexpr std::uint64_t kVariant = 0x8000000000000000;
  const std::uint64_t tail = kVariant | (random_low & 0x3fffffffffffffff);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", (unix_ms >> 16) & 0xffffffff, unix_ms & 0xffff,
                     kVersion | (random_high & 0xfff), tail >> 48, tail & 0xffffffffffff);
}

}  // namespace simplechat::chat_client

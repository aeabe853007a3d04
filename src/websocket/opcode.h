// Frame opcodes and the sizes that RFC 6455 5.2 and 5.5 fix.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simplechat::websocket {

enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xa,
};

[[nodiscard]] constexpr bool is_control(Opcode opcode) { return (static_cast<std::uint8_t>(opcode) & 0x08) != 0; }

// Which side of the connection an endpoint is: clients mask their frames, servers don't (5.1).
enum class Role : std::uint8_t { kServer, kClient };

inline constexpr std::size_t kControlPayloadBytesMax = 125;
inline constexpr std::size_t kServerHeaderBytesMax = 10;
inline constexpr std::size_t kClientHeaderBytesMax = 14;  // with the masking key

}  // namespace simplechat::websocket

// WebSocket close codes of the wire contract beyond RFC 6455's: after 4000-4499 a client reconnects with backoff, after
// 4500-4999 it does not by itself.
#pragma once

#include <cstdint>

namespace simplechat::wire {

inline constexpr std::uint16_t kCloseGoingAway = 1001;
inline constexpr std::uint16_t kCloseUnsupportedData = 1003;
inline constexpr std::uint16_t kCloseDraining = 4001;
inline constexpr std::uint16_t kCloseSlowConsumer = 4008;
inline constexpr std::uint16_t kCloseHeartbeatMissed = 4009;
inline constexpr std::uint16_t kCloseRegisterTimeout = 4010;
inline constexpr std::uint16_t kCloseUnauthorized = 4501;
inline constexpr std::uint16_t kCloseRevoked = 4503;

}  // namespace simplechat::wire

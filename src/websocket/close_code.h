// Close codes of RFC 6455 7.4. The codec carries any 16-bit code; the application's own (4000 to 4999) are named
// elsewhere.
#pragma once

#include <cstdint>

namespace simplechat::websocket {

// The codes that a server of this project sends or acts on.
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kUnsupportedData = 1003,
  kInvalidPayload = 1007,  // a text message that is not UTF-8
  kPolicyViolation = 1008,
  kMessageTooBig = 1009,
  kInternalError = 1011,
};

// Stands for a close frame without a body; never on the wire (7.4.1).
inline constexpr std::uint16_t kNoStatusReceived = 1005;

// Whether a peer may send `code` in a close frame: the registered protocol codes (1000 to 1014 but the reserved 1004,
// 1005 and 1006; 1012 to 1014 came through the registry of 11.7), libraries' (3000 to 3999) and applications' (4000 to
// 4999).
[[nodiscard]] constexpr bool is_valid_received_close_code(std::uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

}  // namespace simplechat::websocket

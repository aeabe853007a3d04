// The sending half of a server's WebSocket connection (RFC 6455 5): pure functions from payloads to unmasked,
// unfragmented frames, appended to an output buffer. A frame is the same for every recipient, so one encoding serves
// them all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "websocket/close_code.h"
#include "websocket/opcode.h"

namespace simplechat::websocket {

// What a close frame holds beside its code.
inline constexpr std::size_t kCloseReasonBytesMax = kControlPayloadBytesMax - sizeof(std::uint16_t);

// Writes the header of a frame whose payload has `payload_bytes` bytes; returns the header's size, 2 to 10.
[[nodiscard]] std::size_t frame_header(std::array<char, kServerHeaderBytesMax>& header, Opcode opcode,
                                       std::size_t payload_bytes);

// The size of a whole frame around `payload_bytes` bytes.
[[nodiscard]] constexpr std::size_t frame_size(std::size_t payload_bytes) {
  return payload_bytes + (payload_bytes < 126 ? 2 : payload_bytes <= 0xffff ? 4 : 10);
}

// The caller vouches for it that text is UTF-8 and that a control frame's payload has at most kControlPayloadBytesMax
// bytes.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);
void append_text(std::string& out, std::string_view payload);
void append_binary(std::string& out, std::string_view payload);
void append_ping(std::string& out, std::string_view payload);
void append_pong(std::string& out, std::string_view payload);

// `reason`, UTF-8, is cut at a character's end to kCloseReasonBytesMax. The code kNoStatusReceived gives a frame
// without a body, so that whatever Decoder reported can be echoed.
void append_close(std::string& out, std::uint16_t code, std::string_view reason);
void append_close(std::string& out, CloseCode code, std::string_view reason);

}  // namespace simplechat::websocket

#include "websocket/encoder.h"

#include <cassert>
#include <utility>

#include "websocket/utf8.h"

namespace simplechat::websocket {

std::size_t frame_header(std::array<char, kServerHeaderBytesMax>& header, Opcode opcode, std::size_t payload_bytes) {
  constexpr std::uint8_t kFin = 0x80;
  header[0] = static_cast<char>(kFin | std::to_underlying(opcode));
  const std::size_t size = frame_size(payload_bytes) - payload_bytes;
  const std::size_t length_bytes = size - 2;
  header[1] = static_cast<char>(length_bytes == 0 ? payload_bytes : length_bytes == 2 ? 126 : 127);
  for (std::size_t i = 0; i < length_bytes; ++i) header[size - 1 - i] = static_cast<char>(payload_bytes >> (8 * i));
  return size;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  assert(!is_control(opcode) || payload.size() <= kControlPayloadBytesMax);
  std::array<char, kServerHeaderBytesMax> header;
  out.append(header.data(), frame_header(header, opcode, payload.size()));
  out.append(payload);
}

void append_text(std::string& out, std::string_view payload) { append_frame(out, Opcode::kText, payload); }
void append_binary(std::string& out, std::string_view payload) { append_frame(out, Opcode::kBinary, payload); }
void append_ping(std::string& out, std::string_view payload) { append_frame(out, Opcode::kPing, payload); }
void append_pong(std::string& out, std::string_view payload) { append_frame(out, Opcode::kPong, payload); }

void append_close(std::string& out, std::uint16_t code, std::string_view reason) {
  if (code == kNoStatusReceived) return append_frame(out, Opcode::kClose, {});
  std::string body{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  body.append(utf8_prefix(reason, kCloseReasonBytesMax));
  append_frame(out, Opcode::kClose, body);
}

void append_close(std::string& out, CloseCode code, std::string_view reason) {
  append_close(out, std::to_underlying(code), reason);
}

}  // namespace simplechat::websocket

#include "websocket/client_codec.h"

#include <array>
#include <span>

#include "websocket/encoder.h"
#include "websocket/handshake.h"

namespace simplechat::websocket {

std::string upgrade_request(std::string_view host, std::string_view target, std::string_view key) {
  std::string request = "GET ";
  request.append(target).append(" HTTP/1.1\r\nHost: ").append(host);
  request.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: ").append(kProtocolVersion);
  request.append("\r\nSec-WebSocket-Key: ").append(key).append("\r\n\r\n");
  return request;
}

void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload, MaskKey mask_key, bool fin) {
  constexpr unsigned char kFin = 0x80;
  constexpr unsigned char kMasked = 0x80;
  std::array<char, kServerHeaderBytesMax> header;
  const std::size_t header_bytes = frame_header(header, opcode, payload.size());
  if (!fin) header[0] = static_cast<char>(header[0] & ~kFin);
  header[1] = static_cast<char>(header[1] | kMasked);
  out.append(header.data(), header_bytes);
  out.append(reinterpret_cast<const char*>(&mask_key), sizeof mask_key);
  const std::size_t start = out.size();
  out.append(payload);
  apply_mask(std::span(out).subspan(start), mask_key);
}

}  // namespace simplechat::websocket

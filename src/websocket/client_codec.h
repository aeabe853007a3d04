// What a WebSocket client needs beside a Decoder in Role::kClient: its handshake request and masked frames. For the
// load generator and tests; the servers don't use it.
#pragma once

#include <string>
#include <string_view>

#include "websocket/mask.h"
#include "websocket/opcode.h"

namespace simplechat::websocket {

// The opening handshake (RFC 6455 4.1). `host`: host:port; `target`: path and query; `key`: base64 of 16 bytes. The
// server must answer status 101 with Sec-WebSocket-Accept equal to accept_key(key).
[[nodiscard]] std::string upgrade_request(std::string_view host, std::string_view target, std::string_view key);

// Appends one frame, masked with `mask_key`, which should be unpredictable (5.3). `fin` false: more fragments follow,
// as kContinuation.
void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload, MaskKey mask_key, bool fin = true);

}  // namespace simplechat::websocket

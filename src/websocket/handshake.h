// The server's side of the opening handshake (RFC 6455 4.2), as pure functions over header values; HTTP itself is
// parsed elsewhere.
//
// This is the room's one use of a library beside the standard one: SHA-1 comes from OpenSSL (in handshake.cc only),
// because hashes are not code to write again.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace simplechat::websocket {

// The only version there is; a 426 answer carries it in Sec-WebSocket-Version (4.4).
inline constexpr std::string_view kProtocolVersion = "13";

// What a client sent; an absent header is empty, a repeated one joined by commas.
struct UpgradeHeaders {
  std::string_view method;
  std::string_view http_version;  // "1.1"
  std::string_view connection;    // a list of tokens
  std::string_view upgrade;       // a list of protocols
  std::string_view sec_websocket_version;
  std::string_view sec_websocket_key;
};

struct HandshakeError {
  unsigned status;           // 400, or 426: then the answer needs Sec-WebSocket-Version: kProtocolVersion
  std::string_view message;  // a string literal: one sentence for the client's author
};

// The value of Sec-WebSocket-Accept (4.2.2): base64 of the SHA-1 of key and protocol GUID, 28 characters.
[[nodiscard]] std::string accept_key(std::string_view sec_websocket_key);

// The value of Sec-WebSocket-Accept if the request is a valid opening handshake (4.2.1).
[[nodiscard]] std::expected<std::string, HandshakeError> check_upgrade(const UpgradeHeaders& headers);

// The whole 101 answer, without extensions; `protocol`: the subprotocol chosen of those offered, or empty.
[[nodiscard]] std::string switching_protocols(std::string_view accept, std::string_view protocol = {});

// Calls `visit(name)` for each subprotocol in the value of a Sec-WebSocket-Protocol header, in order.
template <class Visit>
void for_each_protocol(std::string_view header, Visit visit) {
  constexpr std::string_view kBetween = ", \t";
  while (true) {
    const std::size_t begin = header.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return;
    header.remove_prefix(begin);
    const std::size_t end = header.find_first_of(kBetween);
    visit(header.substr(0, end));
    if (end == std::string_view::npos) return;
    header.remove_prefix(end);
  }
}

}  // namespace simplechat::websocket

// From an HTTP request to a WebSocket connection's socket: the listener's half of the opening handshake.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http_server.h"

namespace simplechat::sv_websocket {

struct UpgradedSocket {
  int fd;                                   // connected and non-blocking; the receiver's to close
  std::unique_ptr<runtime::TlsStream> tls;  // over it, where the listener speaks TLS
  std::string response;                     // the 101 answer, still to be sent
  std::string early;                        // what the client sent behind its request
  std::string token;                        // what it showed; empty: nothing
};

// A token is shown as `Authorization: Bearer TOKEN` or, as browsers can set no header, as the subprotocol
// `token.TOKEN` beside `simplechat`, the one that is chosen. Of both the header counts.
inline constexpr std::string_view kSubprotocol = "simplechat";
inline constexpr std::string_view kTokenPrefix = "token.";

// nullopt, with `upgrade` untouched, if it is not a valid opening handshake (RFC 6455 4.2.1): it is then answered as a
// plain request.
[[nodiscard]] std::optional<UpgradedSocket> accept_upgrade(runtime::HttpUpgrade& upgrade);

// Answers every request to `path` that was not upgraded with 426, as what is there speaks WebSocket only.
void add_upgrade_required(runtime::HttpRoutes& routes, const std::string& path);

}  // namespace simplechat::sv_websocket

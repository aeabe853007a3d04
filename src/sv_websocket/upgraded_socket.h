// A client's socket after its opening handshake, on its way from a listener to the hub.
#pragma once

#include <memory>
#include <string>

#include "runtime/tls_stream.h"

namespace simplechat::sv_websocket {

struct UpgradedSocket {
  int fd;                                     // connected and non-blocking; the receiver's to close
  std::unique_ptr<runtime::TlsStream> tls{};  // over it, where the listener speaks TLS
  std::string response{};                     // the 101 answer, still to be sent
  std::string early{};                        // what the client sent behind its request
  std::string token{};                        // what it showed; empty: nothing
};

}  // namespace simplechat::sv_websocket

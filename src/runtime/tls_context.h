// The certificate and key of a process's TLS listeners, and the terms on which they speak: TLS 1.2 and 1.3, forward
// secret ciphers with authenticated encryption, HTTP/1.1 by ALPN, no renegotiation, no compression.
//
// One for all listeners of a process; thread-safe. Outlives the listeners. Streams go on with the certificate with
// which they began.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/tls_stream.h"

namespace simplechat::runtime {

// Paths of PEM files.
struct TlsFiles {
  std::string certificate;  // its own first, then those of its chain
  std::string key;
};

class TlsContext {
 public:
  // Clients come back without a whole handshake by tickets, sealed with a key of this process. Whoever gets hold of
  // it could read what TLS 1.2 clients resumed with it, so a key serves no longer than that.
  static constexpr std::chrono::hours kTicketKeyFor{12};

  // Throws std::runtime_error naming the file and what is wrong with it.
  explicit TlsContext(TlsFiles files, std::chrono::seconds ticket_key_for = kTicketKeyFor);

  // Reads the files again, for the connections to come. If they are no good: why, and nothing changes.
  [[nodiscard]] std::expected<void, std::string> reload();

  // The server's side of a connection that was accepted.
  [[nodiscard]] std::unique_ptr<TlsStream> accept(int fd);

 private:
  using Handle = std::shared_ptr<SSL_CTX>;

  [[nodiscard]] Handle current();
  void set(Handle handle);

  const TlsFiles files_;
  const std::chrono::seconds ticket_key_for_;
  std::mutex mutex_;
  Handle handle_;
  std::chrono::steady_clock::time_point ticket_key_until_;
};

}  // namespace simplechat::runtime

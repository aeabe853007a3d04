// TLS over the blocking socket of a Redis connection, whose timeouts bound each step.
//
// Lives on the connection's thread; the descriptor is the connection's and outlives it.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/tls_client.h"

namespace simplechat::adapters::redis {

class TlsSession {
 public:
  // The handshake. The error says what was wrong, in a few words.
  static std::expected<TlsSession, std::string> open(runtime::TlsClient& client, int fd, const std::string& host);

  [[nodiscard]] std::expected<void, std::string> write(std::string_view bytes);
  // At least one byte.
  [[nodiscard]] std::expected<std::size_t, std::string> read(std::span<char> into);

 private:
  explicit TlsSession(runtime::TlsClient& client);
  [[nodiscard]] std::unexpected<std::string> failure(int result) const;

  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

}  // namespace simplechat::adapters::redis

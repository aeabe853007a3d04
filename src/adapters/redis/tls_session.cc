#include "adapters/redis/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

namespace simplechat::adapters::redis {

TlsSession::TlsSession(runtime::TlsClient& client) : ssl_(SSL_new(client.context().get()), SSL_free) {
  if (!ssl_) throw std::bad_alloc();
}

std::expected<TlsSession, std::string> TlsSession::open(runtime::TlsClient& client, int fd, const std::string& host) {
  TlsSession session(client);
  SSL* const ssl = session.ssl_.get();
  if (SSL_set_fd(ssl, fd) != 1) return std::unexpected("no socket");
  runtime::TlsClient::expect_host(*ssl, host);
  ERR_clear_error();
  const int connected = SSL_connect(ssl);
  if (connected != 1) return session.failure(connected);
  return session;
}

std::expected<void, std::string> TlsSession::write(std::string_view bytes) {
  std::size_t written = 0;  // all, as the socket blocks
  ERR_clear_error();
  if (bytes.empty() || SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1) return {};
  return failure(0);
}

std::expected<std::size_t, std::string> TlsSession::read(std::span<char> into) {
  std::size_t got = 0;
  ERR_clear_error();
  if (SSL_read_ex(ssl_.get(), into.data(), into.size(), &got) == 1) return got;
  return failure(0);
}

std::unexpected<std::string> TlsSession::failure(int result) const {
  const int cause = errno;
  std::string reason = "Server closed the connection";
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_ZERO_RETURN:
      break;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:  // what a blocking socket says when its time is up
      reason = "no answer in time";
      break;
    case SSL_ERROR_SYSCALL:
      if (cause != 0) reason = std::generic_category().message(cause);
      break;
    default:
      reason = "TLS: " + runtime::TlsClient::failure_of(*ssl_, "failed");
  }
  return std::unexpected(std::move(reason));
}

}  // namespace simplechat::adapters::redis

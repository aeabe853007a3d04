#include "runtime/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace simplechat::runtime {

struct TlsStream::Bio {
  static TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    TlsStream& stream = stream_of(bio);
    if (!stream.received_.empty()) {
      const std::size_t count = std::min(stream.received_.size(), static_cast<std::size_t>(size));
      std::copy_n(stream.received_.begin(), count, into);
      stream.received_ = stream.received_.subspan(count);
      return static_cast<int>(count);
    }
    ssize_t got = -1;
    if (stream.from_socket_) {
      do got = ::recv(stream.fd_, into, static_cast<std::size_t>(size), MSG_DONTWAIT);
      while (got < 0 && errno == EINTR);
    }
    if (got < 0 && (!stream.from_socket_ || errno == EAGAIN)) BIO_set_retry_read(bio);
    if (got == 0) stream.ended_ = true;
    return static_cast<int>(got);
  }

  // Takes everything: OpenSSL never has to be asked to write something again.
  static int write(BIO* bio, const char* bytes, int size) {
    TlsStream& stream = stream_of(bio);
    const std::string_view record(bytes, static_cast<std::size_t>(size));
    std::size_t sent = 0;
    if (stream.unsent_.empty()) {
      const ssize_t put = ::send(stream.fd_, record.data(), record.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN && errno != EINTR) return -1;
      if (put > 0) sent = static_cast<std::size_t>(put);
    }
    if (stream.unsent_.size() + record.size() - sent > kUnsentBytesMax) return -1;
    stream.unsent_.append(record.substr(sent));
    return size;
  }

  static long control(BIO* bio, int command, long /*number*/, void* /*argument*/) {
    if (command == BIO_CTRL_EOF) return stream_of(bio).ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of a TlsStream");
      if (made == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return kMethod;
  }
};

TlsStream::TlsStream(SSL_CTX& context, int fd) : ssl_(SSL_new(&context), SSL_free), fd_(fd) {
  BIO* bio = ssl_ ? BIO_new(Bio::method()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() = default;

TlsStream::Shake TlsStream::handshake() {
  ERR_clear_error();  // SSL_get_error() looks at all errors of the thread
  from_socket_ = true;
  const int result = SSL_do_handshake(ssl_.get());
  from_socket_ = false;
  if (result != 1 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    note_failure();
    return Shake::failed;
  }
  if (unsent() && !flush()) return errno == EAGAIN ? Shake::wants_write : Shake::failed;
  return result == 1 ? Shake::done : Shake::wants_read;
}

void TlsStream::note_failure() {
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  met_plain_http_ = reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
  const char* const text = error == 0 ? nullptr : ERR_reason_error_string(error);
  failure_ = text == nullptr ? "the peer ended the connection" : text;
}

ssize_t TlsStream::recv(std::span<char> into) {
  ERR_clear_error();
  from_socket_ = true;
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  from_socket_ = false;
  return result == 1 ? static_cast<ssize_t>(got) : outcome(result);
}

bool TlsStream::pending() const { return SSL_has_pending(ssl_.get()) == 1; }

ssize_t TlsStream::decrypt(std::span<const char>& received, std::span<char> into) {
  ERR_clear_error();
  received_ = received;
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  received = std::exchange(received_, {});
  return result == 1 ? static_cast<ssize_t>(got) : outcome(result);
}

ssize_t TlsStream::outcome(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      errno = ECONNRESET;
      return -1;
    default:  // the alert that says what was wrong is sent, or in unsent_
      errno = EPROTO;
      return -1;
  }
}

ssize_t TlsStream::send(std::string_view plaintext) {
  if (unsent() && !flush()) return -1;
  std::size_t taken = 0;
  while (taken < plaintext.size() && !unsent()) {
    const std::string_view rest = plaintext.substr(taken, SSL3_RT_MAX_PLAIN_LENGTH);
    std::size_t put = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &put) != 1) {
      errno = EPIPE;  // the peer is gone, or read none of the answers that it asked for
      return -1;
    }
    taken += put;
  }
  return static_cast<ssize_t>(taken);
}

bool TlsStream::flush() {
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const ssize_t put = ::send(fd_, unsent_.data() + sent, unsent_.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      unsent_.erase(0, sent);
      return false;
    }
    sent += static_cast<std::size_t>(put);
  }
  unsent_ = {};  // with its memory
  return true;
}

void TlsStream::end_sending() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());  // it has failed before if it can't be said
}

}  // namespace simplechat::runtime

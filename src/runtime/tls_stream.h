// TLS over a connected, non-blocking socket, spoken to like the socket: send() and recv() take and give plaintext, and
// report as the system calls do.
//
// OpenSSL's records go straight from and to the descriptor; there is no buffer between them but what a record that is
// not complete, or that the kernel did not take, leaves behind. So an idle stream holds no buffers, and readiness of
// the socket tells all that a reader must know, as soon as recv() or decrypt() has said EAGAIN. See
// docs/decisions/0014-tls.md.
//
// The descriptor stays the caller's and outlives the stream. Lives where its connection lives; not thread-safe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace simplechat::runtime {

class TlsStream {
 public:
  // What the kernel has not taken yet may not be longer: at most one record of data, and answers to what a peer asks
  // for that does not read them. Beyond it the stream fails.
  static constexpr std::size_t kUnsentBytesMax = 64UL * 1024;

  enum class Shake : unsigned char { done, wants_read, wants_write, failed };

  // The server's side. `context` may go away.
  TlsStream(SSL_CTX& context, int fd);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Goes on with the handshake as far as the socket allows.
  [[nodiscard]] Shake handshake();
  // After it failed: why, in OpenSSL's words; and whether the peer spoke HTTP instead.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] bool met_plain_http() const { return met_plain_http_; }

  // As ::recv(): the number of bytes; 0 at the peer's end, by close_notify or without; -1 with errno, EAGAIN if there
  // is nothing yet. Takes from the socket no more than the records that it needs: what it has taken and not given,
  // pending() tells.
  [[nodiscard]] ssize_t recv(std::span<char> into);
  [[nodiscard]] bool pending() const;

  // As recv(), but of bytes that the caller has received: takes them off the front of `received`, and says EAGAIN when
  // all are used up.
  [[nodiscard]] ssize_t decrypt(std::span<const char>& received, std::span<char> into);

  // As ::send(): the number of bytes taken, all of them or those that made the kernel's buffer full; -1 with errno,
  // EAGAIN if none were taken. Where unsent() is true afterwards, some of what was taken waits here for the socket to
  // be writable: send() again, be it nothing.
  [[nodiscard]] ssize_t send(std::string_view plaintext);
  [[nodiscard]] bool unsent() const { return !unsent_.empty(); }

  // Says close_notify, as far as the socket takes it; nothing may be sent after it.
  void end_sending();

 private:
  struct Bio;  // OpenSSL's way to the socket
  friend struct Bio;

  // Whether nothing is unsent any more; if not: errno.
  [[nodiscard]] bool flush();
  void note_failure();
  // What an SSL call that gave nothing means, as errno and a return value of recv().
  [[nodiscard]] ssize_t outcome(int result);

  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  std::span<const char> received_;  // of the decrypt() that is under way
  std::string unsent_;              // records that the kernel did not take
  std::string failure_;
  int fd_;
  bool from_socket_ = false;  // whether OpenSSL may read from the socket now
  bool ended_ = false;        // the peer has ended its direction of the TCP connection
  bool met_plain_http_ = false;
};

}  // namespace simplechat::runtime

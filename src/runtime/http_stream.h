// The connection under one HTTP exchange after another, as Boost.Beast reads it: a socket, with TLS on it or without.
//
// Slow to compile like all of Beast: for http_server.cc only. Lives on its reactor.
#pragma once

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "runtime/http_server.h"
#include "runtime/reactor.h"
#include "runtime/tls_context.h"
#include "runtime/tls_stream.h"

namespace simplechat::runtime {

class HttpStream {
 public:
  using executor_type = Executor;
  using ErrorCode = boost::system::error_code;
  using Tcp = boost::asio::ip::tcp;

  explicit HttpStream(TcpSocket accepted) : socket_(std::move(accepted)) {}

  [[nodiscard]] Executor get_executor() { return socket_.get_executor(); }
  [[nodiscard]] TcpSocket& socket() { return socket_; }
  [[nodiscard]] bool speaks_tls() const { return tls_ != nullptr; }

  // Makes it a TLS connection. If that fails: why; the stream is then the bare socket again.
  struct HandshakeFailure {
    std::string reason;
    bool met_plain_http = false;  // the peer waits for an answer in HTTP
  };
  [[nodiscard]] boost::asio::awaitable<std::unique_ptr<HandshakeFailure>> shake_hands(TlsContext& context);

  // Until something can be read; an error of the wait.
  [[nodiscard]] boost::asio::awaitable<ErrorCode> wait_readable();

  // Both, one behind the other.
  using Parts = std::array<boost::asio::const_buffer, 2>;
  [[nodiscard]] boost::asio::awaitable<ErrorCode> write(Parts parts);

  // Ends this direction, so that the peer sees that nothing follows; what it still sends can be read.
  ErrorCode end_sending();
  void close();

  // Beast's AsyncReadStream. One at a time.
  template <class MutableBuffers, class Token>
  auto async_read_some(const MutableBuffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [this](auto handler, const MutableBuffers& into) {
          if (!tls_) {
            socket_.async_read_some(into, std::move(handler));
          } else {
            boost::asio::async_compose<decltype(handler), void(ErrorCode, std::size_t)>(
                TlsRead{.stream = *this, .into = *boost::asio::buffer_sequence_begin(into)}, handler, socket_);
          }
        },
        token, buffers);
  }

  // The plaintext that TLS has read from the socket and not given yet.
  [[nodiscard]] std::string take_pending();

  // Gives socket and TLS away, to be put back if nobody took them.
  struct Taken {
    TcpSocket socket;
    std::unique_ptr<TlsStream> tls;
  };
  [[nodiscard]] Taken take() { return {.socket = std::move(socket_), .tls = std::move(tls_)}; }
  void put_back(TcpSocket socket, std::unique_ptr<TlsStream> tls);

 private:
  struct TlsRead {
    HttpStream& stream;
    boost::asio::mutable_buffer into;
    bool begun = false;

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}) {
      if (!std::exchange(begun, true)) {  // may not complete within the call that began it
        if (stream.tls_->pending()) {
          boost::asio::post(stream.get_executor(), std::move(self));
        } else {
          stream.socket_.async_wait(Tcp::socket::wait_read, std::move(self));
        }
        return;
      }
      ssize_t got = -1;
      if (!error) {
        got = stream.tls_->recv({static_cast<char*>(into.data()), into.size()});
        if (got < 0 && errno == EAGAIN) {
          stream.socket_.async_wait(Tcp::socket::wait_read, std::move(self));
          return;
        }
        if (got == 0) error = boost::asio::error::eof;
        if (got < 0) error = ErrorCode(errno, boost::system::system_category());
      }
      self.complete(error, got > 0 ? static_cast<std::size_t>(got) : 0);
    }
  };

  [[nodiscard]] boost::asio::awaitable<ErrorCode> write_tls(Parts parts);

  TcpSocket socket_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace simplechat::runtime

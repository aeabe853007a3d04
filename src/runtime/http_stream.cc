#include "runtime/http_stream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string_view>

namespace simplechat::runtime {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

auto into(HttpStream::ErrorCode& error) { return asio::redirect_error(asio::use_awaitable, error); }

std::string_view text_of(const asio::const_buffer& buffer) {
  return {static_cast<const char*>(buffer.data()), buffer.size()};
}

}  // namespace

asio::awaitable<std::unique_ptr<HttpStream::HandshakeFailure>> HttpStream::shake_hands(TlsContext& context) {
  tls_ = context.accept(socket_.native_handle());
  ErrorCode error;
  for (;;) {
    const TlsStream::Shake step = tls_->handshake();
    if (step == TlsStream::Shake::done) co_return nullptr;
    if (step == TlsStream::Shake::failed) break;
    const bool wants_read = step == TlsStream::Shake::wants_read;
    co_await socket_.async_wait(wants_read ? tcp::socket::wait_read : tcp::socket::wait_write, into(error));
    if (error) break;
  }
  auto failure = std::make_unique<HandshakeFailure>(error ? error.message() : tls_->failure(), tls_->met_plain_http());
  tls_.reset();
  co_return failure;
}

asio::awaitable<HttpStream::ErrorCode> HttpStream::wait_readable() {
  ErrorCode error;
  if (tls_ && tls_->pending()) co_return error;
  co_await socket_.async_wait(tcp::socket::wait_read, into(error));
  co_return error;
}

asio::awaitable<HttpStream::ErrorCode> HttpStream::write(Parts parts) {
  if (tls_) co_return co_await write_tls(parts);
  ErrorCode error;
  co_await asio::async_write(socket_, parts, into(error));
  co_return error;
}

asio::awaitable<HttpStream::ErrorCode> HttpStream::write_tls(Parts parts) {
  ErrorCode error;
  for (const asio::const_buffer& part : parts) {
    std::string_view rest = text_of(part);
    while (!rest.empty() || tls_->unsent()) {
      const ssize_t put = tls_->send(rest);
      if (put < 0 && errno != EAGAIN) co_return ErrorCode(errno, boost::system::system_category());
      if (put > 0) rest.remove_prefix(static_cast<std::size_t>(put));
      if (tls_->unsent()) co_await socket_.async_wait(tcp::socket::wait_write, into(error));
      if (error) co_return error;
    }
  }
  co_return error;
}

HttpStream::ErrorCode HttpStream::end_sending() {
  if (tls_) tls_->end_sending();
  ErrorCode error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  return error;
}

void HttpStream::close() {
  if (tls_ && socket_.is_open()) tls_->end_sending();
  ErrorCode ignored;  // it is gone either way
  socket_.close(ignored);
}

std::string HttpStream::take_pending() {
  std::string pending;
  if (!tls_) return pending;
  std::array<char, 4096> bytes;
  std::span<const char> nothing_new;
  for (ssize_t got = 1; got > 0;) {
    got = tls_->decrypt(nothing_new, bytes);
    if (got > 0) pending.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return pending;
}

void HttpStream::put_back(TcpSocket socket, std::unique_ptr<TlsStream> tls) {
  socket_ = std::move(socket);
  tls_ = std::move(tls);
}

}  // namespace simplechat::runtime

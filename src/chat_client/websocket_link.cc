#include "chat_client/websocket_link.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <stdexcept>
#include <utility>

namespace simplechat::chat_client {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;
template <class Stream>
using WebSocket = beast::websocket::stream<Stream, /*deflateSupported*/ false>;  // the server compresses nothing

constexpr std::chrono::seconds kStepMax{10};  // to connect, of each handshake, and of a closing one

std::string text_of(const beast::error_code& error) {
  return error == beast::error::timeout ? "no answer in time" : error.message();
}

bool is_bad_certificate(const beast::error_code& error) {
  return error.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

// The server answered the opening handshake with something else than 101.
LinkLoss declined(unsigned status) {
  const bool is_unauthorized = status == 401 || status == 403;
  return {.reason = "the server answers the opening handshake with status " + std::to_string(status),
          .is_final = is_unauthorized,
          .is_unauthorized = is_unauthorized};
}

std::string describe_close(const beast::websocket::close_reason& reason) {
  if (!reason.reason.empty()) return {reason.reason.data(), reason.reason.size()};
  if (reason.code == beast::websocket::close_code::going_away) return "the server is shutting down";
  return "the server closed the connection (" + std::to_string(reason.code) + ")";
}

}  // namespace

class Tls {
 public:
  explicit Tls(const std::string& ca_file) : context_(asio::ssl::context::tls_client) {
    beast::error_code error;
    if (ca_file.empty()) {
      context_.set_default_verify_paths(error);
    } else {
      context_.load_verify_file(ca_file, error);
    }
    if (error) throw std::runtime_error("the certificates of " + ca_file + " cannot be read: " + error.message());
    context_.set_verify_mode(asio::ssl::verify_peer);
  }
  [[nodiscard]] asio::ssl::context& context() { return context_; }

 private:
  asio::ssl::context context_;
};

// One connection, from its address to its loss. Its coroutines keep it alive; after drop() it tells nothing.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  virtual void start() = 0;
  virtual void send(std::vector<std::string> texts) = 0;
  virtual void pause(bool paused) = 0;
  virtual void drop() = 0;
  virtual void close() = 0;
};

namespace {

template <class Stream>
class ConnectionOver final : public Connection, public std::enable_shared_from_this<ConnectionOver<Stream>> {
 public:
  template <class... Context>
  ConnectionOver(asio::io_context& loop, ServerUrl url, LinkEvents& events, Context&... context)
      : loop_(loop),
        url_(std::move(url)),
        events_(&events),
        resolver_(loop),
        resumed_(loop),
        socket_(loop, context...) {}

  void start() override { asio::co_spawn(loop_, run(this->shared_from_this()), asio::detached); }

  void send(std::vector<std::string> texts) override {
    for (std::string& text : texts) unsent_.push_back(std::move(text));
    if (is_open_ && !is_writing_ && !unsent_.empty()) write();
  }

  void pause(bool paused) override {
    paused_ = paused;
    if (!paused) resumed_.cancel();
  }

  void drop() override {
    events_ = nullptr;
    resolver_.cancel();
    resumed_.cancel();
    beast::get_lowest_layer(socket_).close();
  }

  void close() override {
    if (!is_open_) return end({});
    is_closing_ = true;
    paused_ = false;
    resumed_.cancel();
    if (!is_writing_) say_goodbye();
  }

 private:
  static asio::awaitable<void> run(std::shared_ptr<ConnectionOver> self) {
    try {
      co_await self->connect();
      co_await self->read();
    } catch (const boost::system::system_error& error) {
      self->end({.reason = "the connection to " + self->url_.authority() + " is lost: " + text_of(error.code())});
    } catch (const LinkLoss& loss) {
      self->end(loss);
    }
  }

  // Throws a LinkLoss: what went wrong at which step.
  asio::awaitable<void> connect() {
    const auto token = asio::as_tuple(asio::use_awaitable);
    const auto [unresolved, addresses] = co_await resolver_.async_resolve(url_.host, url_.port, token);
    if (unresolved) throw cannot_connect(unresolved);
    auto& tcp = beast::get_lowest_layer(socket_);
    tcp.expires_after(kStepMax);
    const auto [unreachable, address] = co_await tcp.async_connect(addresses, token);
    if (unreachable) throw cannot_connect(unreachable);
    tcp.socket().set_option(asio::ip::tcp::no_delay(true));
    co_await secure();
    tcp.expires_never();  // the WebSocket has timeouts of its own
    beast::websocket::stream_base::timeout timeouts{};
    timeouts.handshake_timeout = kStepMax;
    timeouts.idle_timeout = beast::websocket::stream_base::none();  // the session pings
    timeouts.keep_alive_pings = false;
    socket_.set_option(timeouts);
    socket_.read_message_max(WebSocketLink::kMessageBytesMax);
    beast::websocket::response_type answer;
    const auto [refused] = co_await socket_.async_handshake(answer, url_.authority(), url_.target, token);
    if (refused == beast::websocket::error::upgrade_declined) throw declined(answer.result_int());
    if (refused) throw cannot_connect(refused);
    socket_.text(true);
    is_open_ = true;
    if (events_ != nullptr) events_->link_opened();
  }

  asio::awaitable<void> secure() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      auto& tls = socket_.next_layer();
      if (SSL_set_tlsext_host_name(tls.native_handle(), url_.host.c_str()) != 1) {
        throw LinkLoss{.reason = "TLS cannot name the host " + url_.host, .is_final = true};
      }
      tls.set_verify_callback(asio::ssl::host_name_verification(url_.host));
      const auto [failed] =
          co_await tls.async_handshake(asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
      if (is_bad_certificate(failed)) {
        const char* const why = X509_verify_cert_error_string(SSL_get_verify_result(tls.native_handle()));
        throw LinkLoss{.reason = "the certificate of " + url_.authority() + " is not trusted: " + why,
                       .is_final = true};
      }
      if (failed) throw cannot_connect(failed);
    }
    co_return;
  }

  LinkLoss cannot_connect(const beast::error_code& error) const {
    return {.reason = "cannot connect to " + url_.authority() + ": " + text_of(error)};
  }

  asio::awaitable<void> read() {
    const auto token = asio::as_tuple(asio::use_awaitable);
    while (true) {
      while (paused_ && events_ != nullptr) {
        resumed_.expires_at(std::chrono::steady_clock::time_point::max());
        co_await resumed_.async_wait(token);
      }
      const auto [error, bytes] = co_await socket_.async_read(received_, token);
      if (error == beast::websocket::error::closed) {
        throw LinkLoss{.reason = describe_close(socket_.reason()), .close_code = socket_.reason().code};
      }
      if (error) throw boost::system::system_error(error);
      const auto data = received_.cdata();
      if (events_ != nullptr && !is_closing_) {
        events_->text_received({static_cast<const char*>(data.data()), data.size()});
      }
      received_.consume(received_.size());
    }
  }

  void write() {
    is_writing_ = true;
    const std::string& text = unsent_.front();
    socket_.async_write(asio::buffer(text),
                        [self = this->shared_from_this()](const beast::error_code& error, std::size_t /*bytes*/) {
                          self->written(error);
                        });
  }

  // An error ends the reading too, which tells of it.
  void written(const beast::error_code& error) {
    is_writing_ = false;
    if (error) return;
    unsent_.pop_front();
    if (!unsent_.empty()) return write();
    if (is_closing_) say_goodbye();
  }

  void say_goodbye() {
    socket_.async_close(beast::websocket::close_code::normal,
                        [self = this->shared_from_this()](const beast::error_code& /*error*/) { self->end({}); });
  }

  void end(const LinkLoss& loss) {
    LinkEvents* const events = std::exchange(events_, nullptr);
    is_open_ = false;
    if (events == nullptr) return;
    if (is_closing_) {
      events->link_closed();
    } else {
      events->link_lost(loss);
    }
  }

  asio::io_context& loop_;
  const ServerUrl url_;
  LinkEvents* events_;  // nullptr: dropped, or ended
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer resumed_;
  WebSocket<Stream> socket_;
  beast::flat_buffer received_;
  std::deque<std::string> unsent_;
  bool is_open_ = false;
  bool is_writing_ = false;
  bool is_closing_ = false;
  bool paused_ = false;
};

}  // namespace

WebSocketLink::WebSocketLink(asio::io_context& loop, std::vector<ServerUrl> urls, const std::string& ca_file,
                             LinkEvents& events)
    : loop_(loop), urls_(std::move(urls)), events_(events) {
  bool is_secure = false;
  for (const ServerUrl& url : urls_) is_secure |= url.is_secure;
  if (is_secure) tls_ = std::make_unique<Tls>(ca_file);
}

WebSocketLink::~WebSocketLink() { drop(); }

void WebSocketLink::open() {
  drop();
  const ServerUrl& url = urls_[next_url_++ % urls_.size()];
  if (url.is_secure) {
    connection_ = std::make_shared<ConnectionOver<TlsStream>>(loop_, url, events_, tls_->context());
  } else {
    connection_ = std::make_shared<ConnectionOver<PlainStream>>(loop_, url, events_);
  }
  connection_->pause(paused_);
  connection_->start();
}

void WebSocketLink::send(std::vector<std::string> texts) {
  if (connection_) connection_->send(std::move(texts));
}

void WebSocketLink::pause(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  if (connection_) connection_->pause(paused);
}

void WebSocketLink::drop() {
  if (connection_) connection_->drop();
  connection_.reset();
}

void WebSocketLink::close() {
  if (!connection_) {
    asio::post(loop_, [this] { events_.link_closed(); });
    return;
  }
  connection_->close();
}

}  // namespace simplechat::chat_client

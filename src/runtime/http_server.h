// HTTP/1.1 listener of one reactor, on Boost.Beast: parses requests within limits, answers from routes, and hands
// WebSocket upgrades over. With a TlsContext it speaks HTTPS and nothing else; who speaks HTTP to it is told so.
//
// Every reactor of a process opens its own HttpServer on the same port (SO_REUSEPORT), so the kernel spreads the
// connections and no reactor hands a socket to another. Lives on its reactor.
//
// Bounds: header 16 KiB (431), body `body_bytes_max` (413), a request must be complete within `request_deadline`, the
// first one counted from the connection's start, or from the end of its TLS handshake, which has as long; an idle
// connection is closed after `idle_timeout`; `connections_max` open plain HTTP connections, and what `peers` says of
// each address (beyond: accepted and closed at once).
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.h"
#include "runtime/reactor.h"
#include "runtime/tls_stream.h"

namespace simplechat::runtime {

class Counter;
class MetricsRegistry;
class TlsContext;

using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

// The counter of the handshakes that fail at one of a process's listeners, for one reactor; null where there is no TLS.
[[nodiscard]] Counter* count_tls_handshakes_failed(MetricsRegistry& metrics, std::string_view listener,
                                                   const TlsContext* tls);

// Says whether a further connection from an address may be. Used on the server's reactor; outlives the server.
class PeerLimit {
 public:
  // Each true is followed by one leave() of the same address.
  virtual bool enter(const std::string& address) = 0;
  virtual void leave(const std::string& address) = 0;

 protected:
  ~PeerLimit() = default;
};

// A client's wish to upgrade: the socket with its request, unanswered, and the bytes that came behind it.
struct HttpUpgrade {
  TcpSocket socket;
  std::unique_ptr<TlsStream> tls;  // over the socket; null where the listener speaks no TLS
  HttpRequest request;
  std::string http_version;  // "1.1"
  std::string connection;    // header values, empty if absent
  std::string upgrade;
  std::string websocket_version;
  std::string websocket_key;
  std::string websocket_protocol;
  std::string origin;
  std::string host;
  std::string pipelined;                  // bytes already read after the header
  std::optional<HttpResponse> refusal{};  // set by a handler that declines: the answer, after which the connection ends
};

class HttpServer {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;  // 0: chosen by the system; see port()
    std::size_t body_bytes_max = 8UL * 1024 * 1024;
    std::size_t connections_max = 10'000;
    std::chrono::milliseconds request_deadline{10'000};
    std::chrono::milliseconds idle_timeout{60'000};
    TlsContext* tls = nullptr;  // null: plain HTTP. Outlives the server
    // With `tls`: how long a browser is to come to this host by TLS only (RFC 6797). 0: it is not told.
    std::chrono::seconds hsts_max_age{0};
    Counter* tls_handshakes_failed = nullptr;  // of this reactor; outlives the server
    PeerLimit* peers = nullptr;  // asked about each connection, until it ends or is handed over; beyond: closed at once
  };
  // Returns true if it took the upgrade; else the request is answered by what it left in `refusal`, or as any other.
  using UpgradeHandler = std::function<bool(HttpUpgrade&&)>;

  // Binds and listens, so that a port in use ends start-up here. Throws std::system_error naming host and port.
  // `routes` outlives it.
  HttpServer(Reactor& reactor, Options options, const HttpRoutes& routes, UpgradeHandler on_upgrade = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // Starts accepting. On the reactor's thread, or before its loop runs.
  void start();
  // Stops accepting, closes idle connections; requests that are being answered get their answer. On the reactor's
  // thread.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace simplechat::runtime

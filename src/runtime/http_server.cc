#include "runtime/http_server.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <ctime>
#include <iterator>
#include <system_error>
#include <unordered_set>

#include "runtime/http_stream.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

namespace simplechat::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Clock = std::chrono::steady_clock;
using Parser = http::request_parser<http::string_body>;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

constexpr std::uint32_t kHeaderBytesMax = 16 * 1024;
constexpr std::size_t kReadBytes = 4UL * 1024;  // asked for at once while a header arrives
// How long accepting rests after an error, which is mostly that the process has no file descriptors left.
constexpr std::chrono::milliseconds kAcceptPause{100};
// How long what a refused client still sends is read and thrown away, so that the refusal reaches it (RFC 9112
// section 9.6).
constexpr std::chrono::milliseconds kLinger{1000};
constexpr std::string_view kEndOfHeader = "\r\n";
// A shorter body goes in one TLS record with its header.
constexpr std::size_t kJoinedBodyMax = 8UL * 1024;

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

// One accepted socket. Owned by the coroutine that serves it; the deadline's callback only looks whether it is still
// there.
struct Connection : std::enable_shared_from_this<Connection> {
  explicit Connection(TcpSocket accepted) : stream(std::move(accepted)), timer(stream.get_executor()) {
    error_code ignored;  // a peer that is gone already is noticed by the first read
    stream.socket().set_option(tcp::no_delay(true), ignored);
    const tcp::endpoint peer = stream.socket().remote_endpoint(ignored);
    if (!ignored) remote_address = peer.address().to_string();
  }

  // Closes the socket then, which ends whatever waits on it. Replaces the deadline before.
  void close_after(std::chrono::milliseconds delay) {
    timer.expires_after(delay);
    timer.async_wait([weak = weak_from_this()](const error_code& cancelled) {
      const auto self = weak.lock();
      // A callback may already be queued when its deadline is replaced.
      if (cancelled || !self || self->timer.expiry() > Clock::now()) return;
      self->close();
    });
  }
  void no_deadline() { timer.expires_at(Clock::time_point::max()); }
  void close() { stream.close(); }

  HttpStream stream;
  Timer timer;
  beast::flat_buffer buffer;  // what was read behind the request that is served
  std::string remote_address;
  bool idle = false;                     // between two requests
  bool served = false;                   // has had one
  bool counted = false;                  // by Options::peers
  std::chrono::seconds hsts_max_age{0};  // told with each answer, over TLS
};

tcp::endpoint resolve(Reactor& reactor, const HttpServer::Options& options) {
  error_code error;
  tcp::resolver resolver(reactor.executor());
  const auto results = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error) throw std::system_error(error, fmt::format("listen on {}:{}", options.host, options.port));
  // A name such as localhost stands for both: 127.0.0.1 is what its clients try.
  const auto is_v4 = [](const auto& result) { return result.endpoint().address().is_v4(); };
  const auto v4 = std::find_if(results.begin(), results.end(), is_v4);
  return (v4 != results.end() ? v4 : results.begin())->endpoint();
}

enum class Sharing : std::uint8_t { exclusive, reuse_port };

Acceptor listen(Reactor& reactor, const tcp::endpoint& endpoint, Sharing sharing) {
  Acceptor acceptor(reactor.executor());
  acceptor.open(endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  const int on = 1;
  if (sharing == Sharing::reuse_port &&
      ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    throw std::system_error(errno, std::generic_category(), "SO_REUSEPORT");
  }
  acceptor.bind(endpoint);
  acceptor.listen();
  return acceptor;
}

Acceptor open_listener(Reactor& reactor, const HttpServer::Options& options) {
  const tcp::endpoint endpoint = resolve(reactor, options);
  try {
    // SO_REUSEPORT alone would share the port with another process of this user. The first reactor looks whether there
    // is one.
    if (reactor.index() == 0 && options.port != 0) listen(reactor, endpoint, Sharing::exclusive).close();
    return listen(reactor, endpoint, Sharing::reuse_port);
  } catch (const boost::system::system_error& failure) {
    throw std::system_error(failure.code(), fmt::format("listen on {}:{}", options.host, options.port));
  }
}

// Absolute-form targets (http://host/path) name the same resource as origin-form ones (RFC 9112 section 3.2.2).
std::string_view origin_form(std::string_view target) {
  if (!target.starts_with("http://")) return target;
  const std::size_t path = target.find('/', std::string_view("http://").size());
  return path == std::string_view::npos ? "/" : target.substr(path);
}

// A list may be spread over several headers (RFC 9110 section 5.3).
std::string joined(const http::fields& header, std::string_view name) {
  std::string values;
  const auto [first, last] = header.equal_range(name);
  for (auto field = first; field != last; ++field) {
    if (!values.empty()) values += ',';
    values += field->value();
  }
  return values;
}

HttpRequest to_request(Parser& parser, const Connection& connection) {
  auto& message = parser.get();
  HttpRequest request;
  request.method = message.method() == http::verb::head ? "GET" : std::string(message.method_string());
  request.target = origin_form(message.target());
  request.body = std::move(message.body());
  request.authorization = message[http::field::authorization];
  request.content_type = message[http::field::content_type];
  request.accept_encoding = message[http::field::accept_encoding];
  request.if_none_match = message[http::field::if_none_match];
  request.x_forwarded_for = joined(message, "X-Forwarded-For");
  request.forwarded = joined(message, "Forwarded");
  request.remote_address = connection.remote_address;
  return request;
}

// How to answer a request that could not be read; nullopt: not at all, the peer or the connection is gone.
std::optional<HttpResponse> refusal(const error_code& error, std::size_t body_bytes_max) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return http_error(431, "too_large", fmt::format("the request's header is longer than {} bytes", kHeaderBytesMax));
  }
  if (error == http::error::body_limit) {
    return http_error(413, "too_large", fmt::format("the request's body is longer than {} bytes", body_bytes_max));
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() != error_code(http::error::bad_method).category()) return std::nullopt;
  return http_error(400, "bad_frame", "the request is not HTTP/1.1: " + error.message());
}

// What makes a well-formed header unacceptable; nullopt: nothing.
std::optional<HttpResponse> refusal(const http::request_header<>& header) {
  if (header.version() != 10 && header.version() != 11) {
    return http_error(505, "bad_frame", "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  const std::size_t hosts = header.count(http::field::host);  // RFC 9112 section 3.2
  if (hosts > 1 || (hosts == 0 && header.version() == 11)) {
    return http_error(400, "bad_frame", "the request must have one Host header");
  }
  // RFC 9112 section 6.1: where its body ends must be beyond doubt. The parser has refused a Content-Length beside it.
  const std::size_t codings = header.count(http::field::transfer_encoding);
  if (codings > 1 || (codings == 1 &&
                      (header.version() == 10 || !beast::iequals(header[http::field::transfer_encoding], "chunked")))) {
    return http_error(400, "bad_frame", "the only transfer coding that is read here is chunked, in HTTP/1.1");
  }
  return std::nullopt;
}

struct ResponseForm {
  bool head = false;  // answers HEAD: the header as for GET, no body
  bool keep_alive = true;
  unsigned version = 11;  // of the request
};

std::string response_header(const HttpResponse& response, const ResponseForm& form, std::chrono::seconds hsts_max_age) {
  std::string header;
  const auto out = std::back_inserter(header);
  const std::string_view reason = http::obsolete_reason(static_cast<http::status>(response.status));
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", response.status, reason,
                 fmt::gmtime(std::time(nullptr)));
  if (response.status != 204 && response.status != 304) {  // RFC 9110 sections 8.6, 15.4.5
    if (!response.content_type.empty()) fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
    fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  }
  for (const auto& [name, value] : response.headers) fmt::format_to(out, "{}: {}\r\n", name, value);
  if (hsts_max_age.count() > 0) {
    fmt::format_to(out, "Strict-Transport-Security: max-age={}\r\n", hsts_max_age.count());
  }
  if (!form.keep_alive) {
    header += "Connection: close\r\n";
  } else if (form.version == 10) {
    header += "Connection: keep-alive\r\n";
  }
  header += kEndOfHeader;
  return header;
}

asio::awaitable<error_code> write_response(Connection& connection, const HttpResponse& response, ResponseForm form) {
  std::string header = response_header(response, form, connection.hsts_max_age);
  const bool bodiless = form.head || response.status == 204 || response.status == 304;
  asio::const_buffer body = bodiless ? asio::const_buffer() : asio::buffer(response.body);
  if (connection.stream.speaks_tls()) {
    if (body.size() <= kJoinedBodyMax) {
      header.append(static_cast<const char*>(body.data()), body.size());
      body = {};
    }
  }
  co_return co_await connection.stream.write({asio::buffer(header), body});
}

// Closing a socket with unread input resets the connection, which may take the answer with it.
asio::awaitable<void> refuse(Connection& connection, HttpResponse response) {
  connection.close_after(kLinger);
  error_code error = co_await write_response(connection, response, {.keep_alive = false});
  if (!error) error = connection.stream.end_sending();
  std::array<char, 4096> discarded;
  while (!error) co_await connection.stream.async_read_some(asio::buffer(discarded), into(error));
}

bool wants_websocket(const Parser& parser) {
  // A request with a body is none (RFC 6455 section 4.1), and its body must not be taken for frames.
  return parser.is_done() && http::token_list(parser.get()[http::field::upgrade]).exists("websocket");
}

bool expects_continue(const Parser& parser) {
  return !parser.is_done() && parser.get().version() == 11 &&
         beast::iequals(parser.get()[http::field::expect], "100-continue");
}

HttpUpgrade to_upgrade(Parser& parser, Connection& connection) {
  const auto& header = parser.get();
  const std::string pending = connection.stream.take_pending();
  connection.buffer.commit(asio::buffer_copy(connection.buffer.prepare(pending.size()), asio::buffer(pending)));
  const auto pipelined = connection.buffer.cdata();
  HttpStream::Taken taken = connection.stream.take();
  return {.socket = std::move(taken.socket),
          .tls = std::move(taken.tls),
          .request = to_request(parser, connection),
          .http_version = fmt::format("{}.{}", header.version() / 10, header.version() % 10),
          .connection = header[http::field::connection],
          .upgrade = header[http::field::upgrade],
          .websocket_version = header[http::field::sec_websocket_version],
          .websocket_key = header[http::field::sec_websocket_key],
          .websocket_protocol = header[http::field::sec_websocket_protocol],
          .origin = header[http::field::origin],
          .host = header[http::field::host],
          .pipelined = std::string(static_cast<const char*>(pipelined.data()), pipelined.size())};
}

}  // namespace

Counter* count_tls_handshakes_failed(MetricsRegistry& metrics, std::string_view listener, const TlsContext* tls) {
  if (tls == nullptr) return nullptr;
  return &metrics.counter("tls_handshakes_failed_total",
                          "Connections that ended before their TLS handshake was done, by listener",
                          {{"listener", std::string(listener)}});
}

struct HttpServer::State : std::enable_shared_from_this<State> {
  State(Reactor& r, Options o, const HttpRoutes& known, UpgradeHandler handler)
      : reactor(r),
        options(std::move(o)),
        routes(known),
        on_upgrade(std::move(handler)),
        acceptor(open_listener(reactor, options)),
        port(acceptor.local_endpoint().port()),
        accept_pause(reactor.executor()) {}

  void spawn(asio::awaitable<void> coroutine) {
    asio::co_spawn(reactor.executor(), std::move(coroutine), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }

  asio::awaitable<void> accept(std::shared_ptr<State> self);
  void admit(TcpSocket socket);
  asio::awaitable<void> serve(std::shared_ptr<State> self, std::shared_ptr<Connection> connection);
  asio::awaitable<bool> shake_hands(Connection& connection);
  asio::awaitable<bool> wait_for_request(Connection& connection);
  asio::awaitable<bool> serve_request(Connection& connection);
  asio::awaitable<error_code> read_body(Connection& connection, Parser& parser);
  bool hand_over(Connection& connection, Parser& parser, std::optional<HttpResponse>& refusal);
  bool enter(Connection& connection);
  void leave(Connection& connection);
  asio::awaitable<HttpResponse> answer(const HttpRequest& request);
  void stop();

  Reactor& reactor;
  const Options options;
  const HttpRoutes& routes;
  const UpgradeHandler on_upgrade;
  Acceptor acceptor;
  const std::uint16_t port;
  Timer accept_pause;
  std::unordered_set<Connection*> connections;
  bool accept_failing = false;  // so that a lasting cause is logged once
  bool full = false;            // likewise
};

// Takes one connection a turn of the loop, so that a storm of them leaves the others their turn. Holds itself alive.
asio::awaitable<void> HttpServer::State::accept(std::shared_ptr<State> self) {
  while (acceptor.is_open()) {
    TcpSocket socket(reactor.executor());
    error_code error;
    co_await acceptor.async_accept(socket, into(error));
    if (!acceptor.is_open()) break;
    if (!error) {
      accept_failing = false;
      admit(std::move(socket));
      continue;
    }
    if (!std::exchange(accept_failing, true)) log::error("accept_failed", {{"reason", error.message()}});
    accept_pause.expires_after(kAcceptPause);
    co_await accept_pause.async_wait(into(error));
  }
}

void HttpServer::State::admit(TcpSocket socket) {
  if (connections.size() >= options.connections_max) {
    if (!std::exchange(full, true)) log::warn("http_connections_full", {{"connections_max", options.connections_max}});
    return;  // closes it
  }
  full = false;
  auto connection = std::make_shared<Connection>(std::move(socket));
  if (!enter(*connection)) return;
  connections.insert(connection.get());
  spawn(serve(shared_from_this(), std::move(connection)));
}

// Holds the server's state and the connection alive. What one request needs lives in coroutines that end with it, so
// that an idle connection is little more than its socket.
asio::awaitable<void> HttpServer::State::serve(std::shared_ptr<State> self, std::shared_ptr<Connection> connection) {
  if (options.tls == nullptr || co_await shake_hands(*connection)) {
    while (co_await wait_for_request(*connection)) {
      if (!co_await serve_request(*connection)) break;
    }
  }
  connection->close();
  connections.erase(connection.get());
  leave(*connection);
}

bool HttpServer::State::enter(Connection& connection) {
  connection.counted = options.peers != nullptr && options.peers->enter(connection.remote_address);
  return connection.counted || options.peers == nullptr;
}

void HttpServer::State::leave(Connection& connection) {
  if (std::exchange(connection.counted, false)) options.peers->leave(connection.remote_address);
}

asio::awaitable<bool> HttpServer::State::shake_hands(Connection& connection) {
  connection.close_after(options.request_deadline);
  const auto failure = co_await connection.stream.shake_hands(*options.tls);
  if (!failure) {
    connection.hsts_max_age = options.hsts_max_age;
    co_return true;
  }
  if (options.tls_handshakes_failed != nullptr) options.tls_handshakes_failed->add();
  log::debug("tls_handshake_failed", {{"remote", connection.remote_address}, {"reason", failure->reason}});
  if (failure->met_plain_http) {
    co_await refuse(connection, http_error(400, "bad_frame", "this port speaks TLS: use https:// or wss://"));
  }
  co_return false;
}

asio::awaitable<bool> HttpServer::State::wait_for_request(Connection& connection) {
  if (!acceptor.is_open()) co_return false;
  if (connection.buffer.size() > 0) co_return true;  // the next one is here already
  connection.buffer.shrink_to_fit();
  connection.close_after(connection.served ? options.idle_timeout : options.request_deadline);
  connection.idle = true;
  const error_code error = co_await connection.stream.wait_readable();
  connection.idle = false;
  co_return !error && acceptor.is_open();
}

// Returns whether the connection goes on.
asio::awaitable<bool> HttpServer::State::serve_request(Connection& connection) {
  if (std::exchange(connection.served, true)) connection.close_after(options.request_deadline);
  Parser parser;
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(options.body_bytes_max);
  connection.buffer.reserve(kReadBytes);

  error_code error;
  co_await http::async_read_header(connection.stream, connection.buffer, parser, into(error));
  std::optional<HttpResponse> refused = error ? refusal(error, options.body_bytes_max) : refusal(parser.get().base());
  if (!error && !refused) {
    std::optional<HttpResponse> refusal_of_upgrade;
    if (hand_over(connection, parser, refusal_of_upgrade)) co_return false;
    if (refusal_of_upgrade) {
      co_await write_response(connection, *refusal_of_upgrade, {.keep_alive = false});
      co_return false;
    }
    error = co_await read_body(connection, parser);
    if (error) refused = refusal(error, options.body_bytes_max);
  }
  if (refused) co_await refuse(connection, std::move(*refused));
  if (refused || error) co_return false;

  const ResponseForm asked{.head = parser.get().method() == http::verb::head,
                           .keep_alive = parser.keep_alive(),
                           .version = parser.get().version()};
  connection.no_deadline();  // handlers have their own
  const HttpRequest request = to_request(parser, connection);
  const HttpResponse response = co_await answer(request);

  connection.close_after(options.request_deadline);
  ResponseForm form = asked;
  form.keep_alive = asked.keep_alive && acceptor.is_open();
  error = co_await write_response(connection, response, form);
  co_return !error && form.keep_alive;
}

asio::awaitable<error_code> HttpServer::State::read_body(Connection& connection, Parser& parser) {
  error_code error;
  if (expects_continue(parser) && connection.buffer.size() == 0) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error = co_await connection.stream.write({asio::buffer(kContinue), {}});
  }
  if (!error && !parser.is_done()) {
    co_await http::async_read(connection.stream, connection.buffer, parser, into(error));
  }
  co_return error;
}

// Returns whether the upgrade handler took the connection, which then is no longer a plain one.
bool HttpServer::State::hand_over(Connection& connection, Parser& parser, std::optional<HttpResponse>& refusal) {
  if (!on_upgrade || !wants_websocket(parser)) return false;
  connection.no_deadline();
  leave(connection);
  HttpUpgrade upgrade = to_upgrade(parser, connection);
  if (on_upgrade(std::move(upgrade))) return true;
  static_cast<void>(enter(connection));  // it was there before, so it stays in any case
  // Declined, so nothing was moved out of it. NOLINTNEXTLINE(bugprone-use-after-move)
  connection.stream.put_back(std::move(upgrade.socket), std::move(upgrade.tls));
  refusal = std::move(upgrade.refusal);
  connection.close_after(options.request_deadline);
  return false;
}

// A handler's exception is that request's failure, not the process's: this is the one place that stands between them.
asio::awaitable<HttpResponse> HttpServer::State::answer(const HttpRequest& request) {
  try {
    co_return co_await routes.dispatch(request);
  } catch (const std::exception& failure) {
    log::error("http_handler_failed",
               {{"method", request.method}, {"path", request.path()}, {"reason", failure.what()}});
  }
  co_return http_error(500, "internal", "the request could not be served");
}

void HttpServer::State::stop() {
  error_code ignored;  // it is closed either way
  acceptor.close(ignored);
  accept_pause.cancel();
  for (Connection* connection : connections) {
    if (connection->idle) connection->close();
  }
}

HttpServer::HttpServer(Reactor& reactor, Options options, const HttpRoutes& routes, UpgradeHandler on_upgrade)
    : state_(std::make_shared<State>(reactor, std::move(options), routes, std::move(on_upgrade))) {}

HttpServer::~HttpServer() { state_->stop(); }

std::uint16_t HttpServer::port() const { return state_->port; }

void HttpServer::start() { state_->spawn(state_->accept(state_)); }

void HttpServer::stop() { state_->stop(); }

}  // namespace simplechat::runtime

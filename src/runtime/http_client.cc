#include "runtime/http_client.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <stdexcept>
#include <vector>

#include "runtime/tls_client.h"
#include "runtime/wait_list.h"

namespace simplechat::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Parser = http::response_parser<http::string_body>;
using Endpoints = std::vector<tcp::endpoint>;

constexpr std::uint32_t kHeaderBytesMax = 16 * 1024;
// How long a resolved name is believed.
constexpr std::chrono::seconds kResolvedFor{5};
// Servers close idle connections, ours after 60 s; one that is near that age is not used again.
constexpr std::chrono::seconds kIdleMax{30};

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

HttpOrigin require_origin(std::string_view url) {
  std::expected<HttpOrigin, std::string> origin = parse_http_origin(url);
  if (!origin) throw std::invalid_argument(fmt::format("HttpClient: {}: {}", url, origin.error()));
  return *std::move(origin);
}

struct Connection {
  explicit Connection(const asio::any_io_executor& executor) : stream(executor) {}

  using Tls = beast::ssl_stream<beast::tcp_stream&>;

  beast::tcp_stream stream;
  std::unique_ptr<Tls> tls;  // over the stream, whose deadlines hold for it
  beast::flat_buffer buffer;
  Clock::time_point idle_since;
};

http::request<http::string_body> to_message(HttpRequest&& request, const HttpOrigin& origin,
                                            std::string_view bearer_token) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.target);
  message.set(http::field::host, origin.authority());
  if (!request.content_type.empty()) message.set(http::field::content_type, request.content_type);
  if (!request.authorization.empty()) {
    message.set(http::field::authorization, request.authorization);
  } else if (!bearer_token.empty()) {
    message.set(http::field::authorization, fmt::format("Bearer {}", bearer_token));
  }
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = std::move(request.body);
  message.prepare_payload();
  return message;
}

bool is_framing(http::field name) {
  return name == http::field::content_length || name == http::field::transfer_encoding ||
         name == http::field::connection || name == http::field::keep_alive;
}

HttpResponse to_response(http::response<http::string_body>&& message) {
  HttpResponse response{.status = message.result_int(), .content_type = message[http::field::content_type]};
  for (const auto& field : message) {
    if (field.name() == http::field::content_type || is_framing(field.name())) continue;
    response.headers.emplace_back(field.name_string(), field.value());
  }
  response.body = std::move(message.body());
  return response;
}

struct Answer {
  HttpResponse response;
  bool keep = false;  // the connection may be used again
};

struct ExchangeError {
  error_code code;
  bool answer_begun = false;  // bytes of the answer came before it failed
};

using Exchange = std::expected<Answer, ExchangeError>;

template <class Stream>
asio::awaitable<Exchange> exchange_over(Stream& stream, beast::flat_buffer& buffer,
                                        const http::request<http::string_body>& message, std::size_t body_bytes_max) {
  error_code error;
  co_await http::async_write(stream, message, into(error));
  if (error) co_return std::unexpected(ExchangeError{error});
  std::optional<Parser> parser;
  do {
    parser.emplace();
    parser->header_limit(kHeaderBytesMax);
    parser->body_limit(body_bytes_max);
    parser->skip(message.method() == http::verb::head);
    co_await http::async_read(stream, buffer, *parser, into(error));
    if (error) co_return std::unexpected(ExchangeError{error, parser->got_some() || buffer.size() > 0});
  } while (parser->get().result_int() / 100 == 1);  // interim answers (RFC 9110 section 15.2)
  const bool keep = parser->keep_alive() && buffer.size() == 0;
  co_return Answer{to_response(parser->release()), keep};
}

// Sends the request and reads its answer, within the deadline that is set on the stream.
asio::awaitable<Exchange> exchange(Connection& connection, const http::request<http::string_body>& message,
                                   std::size_t body_bytes_max) {
  if (connection.tls) co_return co_await exchange_over(*connection.tls, connection.buffer, message, body_bytes_max);
  co_return co_await exchange_over(connection.stream, connection.buffer, message, body_bytes_max);
}

}  // namespace

// Held by the client and by every call that is under way.
struct HttpClient::Pool : std::enable_shared_from_this<Pool> {
  using Outcome = std::expected<HttpResponse, HttpFailure>;
  using Deadline = Clock::time_point;

  Pool(asio::any_io_executor e, std::string u, Options o)
      : executor(std::move(e)),
        url(std::move(u)),
        origin(require_origin(url)),
        options(std::move(o)),
        turns(executor),
        resolver(executor),
        resolved(executor) {}

  // The right to have a connection in use; goes to the call that waits longest when it ends.
  class Turn {
   public:
    explicit Turn(Pool& pool) : pool_(pool) {}
    ~Turn() {
      if (!pool_.turns.wake_one()) --pool_.in_use;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Pool& pool_;
  };

  static asio::awaitable<Outcome> call(std::shared_ptr<Pool> pool, HttpRequest request);
  asio::awaitable<bool> wait_for_turn(Deadline deadline);
  asio::awaitable<std::expected<Endpoints, HttpFailure>> resolve(Deadline deadline);
  void start_resolving();
  asio::awaitable<std::expected<std::unique_ptr<Connection>, HttpFailure>> connect(Deadline deadline);
  asio::awaitable<std::optional<HttpFailure>> shake_hands(Connection& connection);
  std::unique_ptr<Connection> take_idle();
  HttpResponse finish(std::unique_ptr<Connection> connection, Answer answer);
  [[nodiscard]] HttpFailure failure(std::string_view step, const error_code& error) const;

  const asio::any_io_executor executor;
  const std::string url;
  const HttpOrigin origin;
  const Options options;

  std::size_t in_use = 0;  // at most options.connections_max
  WaitList turns;
  std::vector<std::unique_ptr<Connection>>
      idle;  // the latest used last; with those in use at most options.connections_max

  tcp::resolver resolver;
  bool resolving = false;
  WaitList resolved;
  Endpoints endpoints;
  error_code resolve_error;
  Clock::time_point endpoints_until;  // when to resolve anew
};

asio::awaitable<HttpClient::Pool::Outcome> HttpClient::Pool::call(std::shared_ptr<Pool> pool, HttpRequest request) {
  const Deadline deadline = Clock::now() + pool->options.deadline;
  const auto message = to_message(std::move(request), pool->origin, pool->options.bearer_token);
  if (!co_await pool->wait_for_turn(deadline)) {
    co_return std::unexpected(pool->failure("wait for a free connection to", beast::error::timeout));
  }
  const Turn turn(*pool);

  if (std::unique_ptr<Connection> reused = pool->take_idle()) {
    reused->stream.expires_at(deadline);
    Exchange outcome = co_await exchange(*reused, message, pool->options.body_bytes_max);
    if (outcome) co_return pool->finish(std::move(reused), *std::move(outcome));
    if (outcome.error().answer_begun || outcome.error().code == beast::error::timeout) {
      co_return std::unexpected(pool->failure("call", outcome.error().code));
    }
    pool->idle.clear();  // the server closed this one, and so most likely the others
  }

  auto connected = co_await pool->connect(deadline);
  if (!connected) co_return std::unexpected(std::move(connected.error()));
  Exchange outcome = co_await exchange(**connected, message, pool->options.body_bytes_max);
  if (!outcome) co_return std::unexpected(pool->failure("call", outcome.error().code));
  co_return pool->finish(*std::move(connected), *std::move(outcome));
}

asio::awaitable<bool> HttpClient::Pool::wait_for_turn(Deadline deadline) {
  if (in_use < options.connections_max) {
    ++in_use;
    co_return true;
  }
  co_return co_await turns.wait_until(deadline);  // woken by a Turn that leaves its place in in_use
}

// The resolver itself cannot be interrupted while it asks the system, so calls wait beside it.
asio::awaitable<std::expected<Endpoints, HttpFailure>> HttpClient::Pool::resolve(Deadline deadline) {
  error_code error;
  const asio::ip::address numeric = asio::ip::make_address(origin.host, error);
  if (!error) co_return Endpoints{{numeric, origin.port}};
  if (Clock::now() >= endpoints_until) {
    if (!resolving) start_resolving();
    if (!co_await resolved.wait_until(deadline)) co_return std::unexpected(failure("resolve", beast::error::timeout));
    if (resolve_error) co_return std::unexpected(failure("resolve", resolve_error));
  }
  co_return endpoints;
}

void HttpClient::Pool::start_resolving() {
  resolving = true;
  resolver.async_resolve(
      origin.host, std::to_string(origin.port),
      [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
        self->resolving = false;
        self->resolve_error = error;
        self->endpoints.assign(found.begin(), found.end());
        if (!error) self->endpoints_until = Clock::now() + kResolvedFor;
        self->resolved.wake_all();
      });
}

asio::awaitable<std::expected<std::unique_ptr<Connection>, HttpFailure>> HttpClient::Pool::connect(Deadline deadline) {
  const std::expected<Endpoints, HttpFailure> candidates = co_await resolve(deadline);
  if (!candidates) co_return std::unexpected(candidates.error());
  auto connection = std::make_unique<Connection>(executor);
  connection->stream.expires_at(deadline);
  error_code error;
  co_await connection->stream.async_connect(*candidates, into(error));
  if (!error) connection->stream.socket().set_option(tcp::no_delay(true), error);
  if (error) {
    endpoints_until = {};  // the name may stand for another address by now
    co_return std::unexpected(failure("connect", error));
  }
  if (origin.tls) {
    if (auto failed = co_await shake_hands(*connection)) co_return std::unexpected(*std::move(failed));
  }
  co_return connection;
}

asio::awaitable<std::optional<HttpFailure>> HttpClient::Pool::shake_hands(Connection& connection) {
  if (options.tls == nullptr) co_return HttpFailure{url + ": TLS is not configured"};
  const std::shared_ptr<SSL_CTX> trusted = options.tls->context();
  SSL_CTX_up_ref(trusted.get());  // Asio takes one
  asio::ssl::context context(trusted.get());
  connection.tls = std::make_unique<Connection::Tls>(connection.stream, context);
  SSL& ssl = *connection.tls->native_handle();
  TlsClient::expect_host(ssl, origin.host);
  error_code error;
  co_await connection.tls->async_handshake(asio::ssl::stream_base::client, into(error));
  if (!error) co_return std::nullopt;
  if (error == beast::error::timeout) co_return failure("TLS handshake with", error);
  co_return HttpFailure{
      fmt::format("TLS handshake with {}: {}", origin.authority(), TlsClient::failure_of(ssl, error.message()))};
}

std::unique_ptr<Connection> HttpClient::Pool::take_idle() {
  if (idle.empty()) return nullptr;
  std::unique_ptr<Connection> latest = std::move(idle.back());
  idle.pop_back();
  if (Clock::now() - latest->idle_since < kIdleMax) return latest;
  idle.clear();  // the others are older still
  return nullptr;
}

HttpResponse HttpClient::Pool::finish(std::unique_ptr<Connection> connection, Answer answer) {
  if (answer.keep) {
    connection->idle_since = Clock::now();
    idle.push_back(std::move(connection));
  }
  return std::move(answer.response);
}

HttpFailure HttpClient::Pool::failure(std::string_view step, const error_code& error) const {
  const std::string reason =
      error == beast::error::timeout ? fmt::format("not done within {} ms", options.deadline.count()) : error.message();
  return {fmt::format("{} {}: {}", step, origin.authority(), reason)};
}

HttpClient::HttpClient(asio::any_io_executor executor, std::string origin, Options options)
    : pool_(std::make_shared<Pool>(std::move(executor), std::move(origin), std::move(options))) {}

HttpClient::~HttpClient() { pool_->idle.clear(); }

asio::awaitable<std::expected<HttpResponse, HttpFailure>> HttpClient::call(HttpRequest request) {
  return Pool::call(pool_, std::move(request));
}

const std::string& HttpClient::origin() const { return pool_->url; }

}  // namespace simplechat::runtime

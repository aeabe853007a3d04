// HTTP messages as plain values: what handlers and clients see of Boost.Beast, which stays inside http_server.cc and
// http_client.cc because it is slow to compile.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simplechat::runtime {

// The members have initializers so that designated ones may leave them out.
struct HttpRequest {
  std::string method{};  // upper case: GET, POST, PUT, DELETE
  std::string target{};  // path and query as sent, e.g. /v1/history?with=bob
  std::string body{};
  std::string authorization{};  // the header's value, empty if absent
  std::string content_type{};
  std::string accept_encoding{};
  std::string if_none_match{};
  std::string x_forwarded_for{};                               // of several headers, joined by commas
  std::string forwarded{};                                     // likewise
  std::string remote_address{};                                // of the peer; empty in a request that is sent
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones that are sent; empty in what was received

  // The path without the query.
  [[nodiscard]] std::string_view path() const;
  // The percent-decoded value of a query parameter; nullopt if absent.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones
};

using HttpHandler = std::function<boost::asio::awaitable<HttpResponse>(const HttpRequest&)>;

// Whether an Accept-Encoding header's value admits gzip (RFC 9110 12.5.3).
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

// Decodes %XX and, as in form encoding, + as a space. Malformed sequences are kept as they are.
[[nodiscard]] std::string percent_decode(std::string_view text);
// Encodes everything but RFC 3986 unreserved characters.
[[nodiscard]] std::string percent_encode(std::string_view text);

// Method and path to handler. A pattern's segment `:name` matches any one segment; a last segment `*` matches the rest
// (also empty). Filled while wiring, then only read; shared by reactors.
class HttpRoutes {
 public:
  // `handler` is called with the request and the matched segments, percent-decoded, in order; what `*` matched is one
  // of them and keeps its slashes. Both live until its coroutine ends. The first route that matches counts.
  using Handler =
      std::function<boost::asio::awaitable<HttpResponse>(const HttpRequest&, const std::vector<std::string>& segments)>;

  void add(std::string method, std::string_view pattern, Handler handler);

  // Answers 404 for a path that nothing matches and 405 for a path that matches with another method only.
  [[nodiscard]] boost::asio::awaitable<HttpResponse> dispatch(const HttpRequest& request) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> pattern;
    Handler handler;
  };
  std::vector<Route> routes_;
};

// {"status":"error","code":"...","message":"..."} of the wire contract, section 3.
[[nodiscard]] HttpResponse http_error(unsigned status, std::string_view code, std::string_view message);

}  // namespace simplechat::runtime

#include "runtime/guarded_routes.h"

#include <openssl/crypto.h>

#include <utility>
#include <vector>

namespace simplechat::runtime {
namespace {

using Answer = boost::asio::awaitable<HttpResponse>;

Answer refuse() {
  HttpResponse response = http_error(401, "unauthorized", "this endpoint asks for its token as a bearer token");
  response.headers = {{"WWW-Authenticate", "Bearer"}};
  co_return response;
}

// In constant time, so that answering does not tell how much of a guess was right.
bool same(std::string_view given, std::string_view expected) {
  return given.size() == expected.size() && CRYPTO_memcmp(given.data(), expected.data(), given.size()) == 0;
}

}  // namespace

GuardedRoutes::GuardedRoutes(HttpRoutes& routes, std::string token)
    : routes_(routes), expected_(std::make_shared<const std::string>("Bearer " + std::move(token))) {}

void GuardedRoutes::add(std::string method, std::string_view pattern, HttpRoutes::Handler handler) {
  routes_.add(std::move(method), pattern,
              [expected = expected_, handler = std::move(handler)](const HttpRequest& request,
                                                                   const std::vector<std::string>& segments) -> Answer {
                return same(request.authorization, *expected) ? handler(request, segments) : refuse();
              });
}

}  // namespace simplechat::runtime

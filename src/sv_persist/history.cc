#include "sv_persist/history.h"

#include <openssl/crypto.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "wire/contains_body.h"
#include "wire/http_status.h"
#include "wire/pages_body.h"
#include "wire/query_params.h"

namespace simplechat::sv_persist {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using Answer = boost::asio::awaitable<HttpResponse>;

struct Parts {
  chat::MessageReader& reader;
  Probe& probe;
  std::string cluster_secret;

  [[nodiscard]] bool admits(const HttpRequest& request) const {
    const std::string expected = "Bearer " + cluster_secret;
    // In constant time, so that answering does not tell how much of a guess was right.
    return cluster_secret.empty() ||
           (request.authorization.size() == expected.size() &&
            CRYPTO_memcmp(request.authorization.data(), expected.data(), expected.size()) == 0);
  }
};

HttpResponse error_response(Probe& probe, const chat::Error& error) {
  const unsigned status = wire::http_status(error.code);
  status < 500 ? probe.query_refused() : probe.query_failed();
  return runtime::http_error(status, chat::to_string(error.code), error.message);
}

Answer history(const Parts& parts, std::string user, const wire::QueryParameters& parameters) {
  const auto query = wire::parse_history_query(std::move(user), parameters);
  if (!query) co_return error_response(parts.probe, query.error());
  const auto page = co_await parts.reader.history(*query);
  if (!page) co_return error_response(parts.probe, page.error());
  parts.probe.query_answered();
  co_return HttpResponse{.body = wire::encode_history_page(query->with, *page)};
}

Answer conversations(const Parts& parts, std::string user, const wire::QueryParameters& parameters) {
  const auto query = wire::parse_conversations_query(std::move(user), parameters);
  if (!query) co_return error_response(parts.probe, query.error());
  const auto page = co_await parts.reader.conversations(*query);
  if (!page) co_return error_response(parts.probe, page.error());
  parts.probe.query_answered();
  co_return HttpResponse{.body = wire::encode_conversations_page(*page)};
}

Answer sync(const Parts& parts, std::string user, const wire::QueryParameters& parameters) {
  const auto query = wire::parse_sync_query(std::move(user), parameters);
  if (!query) co_return error_response(parts.probe, query.error());
  const auto page = co_await parts.reader.sync(*query);
  if (!page) co_return error_response(parts.probe, page.error());
  parts.probe.query_answered();
  co_return HttpResponse{.body = wire::encode_sync_page(*page)};
}

Answer contains(const Parts& parts, const HttpRequest& request) {
  const auto keys = wire::parse_contains(request.body);
  if (!keys) co_return error_response(parts.probe, keys.error());
  const auto contained = co_await parts.reader.contains_all(*keys);
  if (!contained) co_return error_response(parts.probe, contained.error());
  parts.probe.query_answered();
  co_return HttpResponse{.body = wire::encode_contained(*contained)};
}

using PageEndpoint = Answer (*)(const Parts&, std::string user, const wire::QueryParameters&);

template <PageEndpoint endpoint>
Answer page_of(const Parts& parts, const HttpRequest& request) {
  const wire::QueryParameters parameters = [&request](std::string_view name) { return request.query(name); };
  auto user = wire::parse_query_user(parameters);
  if (!user) co_return error_response(parts.probe, user.error());
  const auto began = std::chrono::steady_clock::now();
  HttpResponse response = co_await endpoint(parts, *std::move(user), parameters);
  parts.probe.query_took(std::chrono::steady_clock::now() - began);
  co_return response;
}

using Endpoint = Answer (*)(const Parts&, const HttpRequest&);

Answer admit(const Parts& parts, Endpoint endpoint, const HttpRequest& request) {
  if (!parts.admits(request)) {
    co_return error_response(parts.probe, {chat::ErrorCode::unauthorized, "the cluster secret is missing or wrong"});
  }
  co_return co_await endpoint(parts, request);
}

}  // namespace

void add_history_routes(runtime::HttpRoutes& routes, chat::MessageReader& reader, Probe& probe,
                        std::string cluster_secret) {
  const auto parts = std::make_shared<const Parts>(reader, probe, std::move(cluster_secret));
  const auto add = [&routes, &parts](const char* method, const char* path, Endpoint endpoint) {
    routes.add(method, path,
               [parts, endpoint](const HttpRequest& request, const std::vector<std::string>& /*segments*/) {
                 return admit(*parts, endpoint, request);
               });
  };
  add("GET", "/v1/history", page_of<history>);
  add("GET", "/v1/conversations", page_of<conversations>);
  add("GET", "/v1/sync", page_of<sync>);
  add("POST", "/v1/contains", contains);
}

}  // namespace simplechat::sv_persist

#include "adapters/discover_http/list_client.h"

#include <fmt/format.h>

#include <utility>

#include "wire/pages_body.h"

namespace simplechat::adapters::discover_http {
namespace {

constexpr std::size_t kConnectionsMax = 4;
constexpr unsigned kOk = 200;

}  // namespace

ListClient::ListClient(const boost::asio::any_io_executor& executor, const Options& options)
    : client_(executor, options.origin,
              {.deadline = options.deadline,
               .connections_max = kConnectionsMax,
               .bearer_token = options.cluster_secret,
               .tls = options.tls}) {}

chat::Task<chat::Result<std::string>> ListClient::post(std::string target, std::string body) {
  runtime::HttpRequest request{
      .method = "POST", .target = target, .body = std::move(body), .content_type = "application/json"};
  auto response = co_await client_.call(std::move(request));
  if (!response) co_return failed(target, response.error().message);
  if (response->status == kOk) co_return std::move(response->body);
  chat::Error refusal = wire::parse_http_error(response->body);
  if (refusal.code == chat::ErrorCode::too_large) co_return std::unexpected(std::move(refusal));
  co_return failed(target, fmt::format("answered {}: {}", response->status, refusal.message));
}

std::unexpected<chat::Error> ListClient::failed(std::string_view target, std::string_view what) const {
  return chat::fail(chat::ErrorCode::unavailable, fmt::format("sv-discover {}{}: {}", client_.origin(), target, what));
}

}  // namespace simplechat::adapters::discover_http

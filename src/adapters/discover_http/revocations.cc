#include "adapters/discover_http/revocations.h"

#include <fmt/format.h>

#include <utility>

#include "wire/revocation_body.h"

namespace simplechat::adapters::discover_http {
namespace {

constexpr std::size_t kConnectionsMax = 4;
constexpr unsigned kOk = 200;
constexpr unsigned kTooLarge = 413;

}  // namespace

DiscoverHttpRevocations::DiscoverHttpRevocations(const boost::asio::any_io_executor& executor, const Options& options)
    : client_(executor, options.origin,
              {.deadline = options.deadline,
               .connections_max = kConnectionsMax,
               .bearer_token = options.cluster_secret,
               .tls = options.tls}) {}

chat::Task<chat::Result<void>> DiscoverHttpRevocations::revoke(std::span<const chat::Revocation> revocations) {
  if (revocations.size() > chat::kRevocationsPerCallMax) {
    co_return chat::fail(chat::ErrorCode::too_large, "too many revocations in one call");
  }
  const auto body = co_await post("/v1/revoke", wire::encode_revoke(revocations));
  if (!body) co_return std::unexpected(body.error());
  co_return chat::Result<void>();
}

chat::Task<chat::Result<chat::RevocationChanges>> DiscoverHttpRevocations::changes_since(const std::string& version) {
  const auto body = co_await post("/v1/revocations", wire::encode_changes_request(version));
  if (!body) co_return std::unexpected(body.error());
  auto changes = wire::parse_changes(*body);
  if (!changes) co_return failed("/v1/revocations", changes.error().message);
  co_return changes;
}

chat::Task<chat::Result<std::string>> DiscoverHttpRevocations::post(std::string target, std::string body) {
  runtime::HttpRequest request{
      .method = "POST", .target = target, .body = std::move(body), .content_type = "application/json"};
  auto response = co_await client_.call(std::move(request));
  if (!response) co_return failed(target, response.error().message);
  if (response->status == kTooLarge) co_return chat::fail(chat::ErrorCode::too_large, "too many revocations");
  if (response->status != kOk) co_return failed(target, fmt::format("answered {}", response->status));
  co_return std::move(response->body);
}

std::unexpected<chat::Error> DiscoverHttpRevocations::failed(std::string_view target, std::string_view what) const {
  return chat::fail(chat::ErrorCode::unavailable, fmt::format("sv-discover {}{}: {}", client_.origin(), target, what));
}

}  // namespace simplechat::adapters::discover_http

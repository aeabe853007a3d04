#include "adapters/discover_http/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wire/directory_body.h"

namespace simplechat::adapters::discover_http {

DiscoverHttpDirectory::DiscoverHttpDirectory(const boost::asio::any_io_executor& executor, const Options& options,
                                             runtime::Dependency& dependency)
    : client_(executor, options.origin,
              {.deadline = options.deadline, .bearer_token = options.cluster_secret, .tls = options.tls}),
      dependency_(dependency) {}

chat::Task<chat::Result<chat::LeaseState>> DiscoverHttpDirectory::renew(const chat::GatewayIdentity& gateway,
                                                                        std::chrono::milliseconds lease) {
  const auto body = co_await post("/v1/renew", wire::encode_renew(gateway, lease));
  if (!body) co_return std::unexpected(body.error());
  auto state = wire::parse_lease_state(*body);
  if (!state) co_return failed("/v1/renew", state.error().message);
  co_return state;
}

chat::Task<chat::Result<chat::Timestamp>> DiscoverHttpDirectory::apply(const chat::GatewayIdentity& gateway,
                                                                       std::span<const chat::RecordChange> changes) {
  chat::Timestamp now = 0;
  while (!changes.empty()) {
    const auto part = changes.first(std::min(changes.size(), wire::kDirectoryBatchMax));
    const auto body = co_await post("/v1/apply", wire::encode_apply(gateway, part));
    if (!body) co_return std::unexpected(body.error());
    const auto applied = wire::parse_applied(*body);
    if (!applied) co_return failed("/v1/apply", applied.error().message);
    now = *applied;
    changes = changes.subspan(part.size());
  }
  co_return now;
}

chat::Task<chat::Result<chat::Locations>> DiscoverHttpDirectory::locate(std::span<const std::string> users) {
  chat::Locations all;
  while (!users.empty()) {
    const auto part = users.first(std::min(users.size(), wire::kDirectoryBatchMax));
    const auto body = co_await post("/v1/locate", wire::encode_locate(part));
    if (!body) co_return std::unexpected(body.error());
    auto found = wire::parse_locations(*body);
    if (!found) co_return failed("/v1/locate", found.error().message);
    if (found->size() != part.size()) co_return failed("/v1/locate", "the answer is not one for each user");
    all.append(*found, 0, found->size());
    users = users.subspan(part.size());
  }
  co_return all;
}

chat::Task<chat::Result<void>> DiscoverHttpDirectory::close(const chat::GatewayIdentity& gateway) {
  const auto body = co_await post("/v1/close", wire::encode_close(gateway));
  if (!body) co_return std::unexpected(body.error());
  co_return chat::Result<void>();
}

chat::Task<chat::Result<std::string>> DiscoverHttpDirectory::post(std::string target, std::string body) {
  runtime::HttpRequest request{
      .method = "POST", .target = target, .body = std::move(body), .content_type = "application/json"};
  auto response = co_await client_.call(std::move(request));
  if (!response) co_return failed(target, response.error().message);
  if (response->status != 200) co_return failed(target, fmt::format("answered {}", response->status));
  dependency_.up();
  co_return std::move(response->body);
}

std::unexpected<chat::Error> DiscoverHttpDirectory::failed(std::string_view target, std::string_view what) {
  std::string message = fmt::format("sv-discover {}{}: {}", client_.origin(), target, what);
  dependency_.down(message);
  return chat::fail(chat::ErrorCode::unavailable, std::move(message));
}

}  // namespace simplechat::adapters::discover_http

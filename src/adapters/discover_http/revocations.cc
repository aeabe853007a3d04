#include "adapters/discover_http/revocations.h"

#include "wire/changes_body.h"
#include "wire/revocation_body.h"

namespace simplechat::adapters::discover_http {

chat::Task<chat::Result<void>> DiscoverHttpRevocations::revoke(std::span<const chat::Revocation> revocations) {
  if (revocations.size() > chat::kRevocationsPerCallMax) {
    co_return chat::fail(chat::ErrorCode::too_large, "too many revocations in one call");
  }
  const auto body = co_await client_.post("/v1/revoke", wire::encode_revoke(revocations));
  if (!body) co_return std::unexpected(body.error());
  co_return chat::Result<void>();
}

chat::Task<chat::Result<chat::RevocationChanges>> DiscoverHttpRevocations::changes_since(const std::string& version) {
  const auto body = co_await client_.post("/v1/revocations", wire::encode_changes_request(version));
  if (!body) co_return std::unexpected(body.error());
  auto changes = wire::parse_changes(*body);
  if (!changes) co_return client_.failed("/v1/revocations", changes.error().message);
  co_return changes;
}

}  // namespace simplechat::adapters::discover_http

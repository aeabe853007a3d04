#include "adapters/discover_http/blocks.h"

#include "wire/block_body.h"
#include "wire/changes_body.h"

namespace simplechat::adapters::discover_http {

chat::Task<chat::Result<void>> DiscoverHttpBlocks::change_blocks(std::span<const chat::BlockChange> changes) {
  if (changes.size() > chat::kBlockChangesPerCallMax) co_return chat::too_many_block_changes();
  const auto body = co_await client_.post("/v1/block", wire::encode_block(changes));
  if (!body) co_return std::unexpected(body.error());
  co_return chat::Result<void>();
}

chat::Task<chat::Result<chat::BlockChanges>> DiscoverHttpBlocks::blocks_since(const std::string& version) {
  const auto body = co_await client_.post("/v1/blocks", wire::encode_changes_request(version));
  if (!body) co_return std::unexpected(body.error());
  auto changes = wire::parse_block_changes(*body);
  if (!changes) co_return client_.failed("/v1/blocks", changes.error().message);
  co_return changes;
}

}  // namespace simplechat::adapters::discover_http

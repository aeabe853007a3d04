// Blocks as a gateway sees them: sv-discover's /v1/block and /v1/blocks over HTTP. Lives where its ListClient does.
#pragma once

#include <span>
#include <string>

#include "adapters/discover_http/list_client.h"
#include "chat/blocks.h"

namespace simplechat::adapters::discover_http {

class DiscoverHttpBlocks final : public chat::Blocks {
 public:
  DiscoverHttpBlocks(const boost::asio::any_io_executor& executor, const ListClient::Options& options)
      : client_(executor, options) {}

  chat::Task<chat::Result<void>> change_blocks(std::span<const chat::BlockChange> changes) override;
  chat::Task<chat::Result<chat::BlockChanges>> blocks_since(const std::string& version) override;

 private:
  ListClient client_;
};

}  // namespace simplechat::adapters::discover_http

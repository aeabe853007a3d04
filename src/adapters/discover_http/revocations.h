// Revocations as a gateway sees them: sv-discover's /v1/revoke and /v1/revocations over HTTP. Lives where its
// ListClient does.
#pragma once

#include <span>
#include <string>

#include "adapters/discover_http/list_client.h"
#include "chat/revocations.h"

namespace simplechat::adapters::discover_http {

class DiscoverHttpRevocations final : public chat::Revocations {
 public:
  DiscoverHttpRevocations(const boost::asio::any_io_executor& executor, const ListClient::Options& options)
      : client_(executor, options) {}

  chat::Task<chat::Result<void>> revoke(std::span<const chat::Revocation> revocations) override;
  chat::Task<chat::Result<chat::RevocationChanges>> changes_since(const std::string& version) override;

 private:
  ListClient client_;
};

}  // namespace simplechat::adapters::discover_http

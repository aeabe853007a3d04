// Revocations as a gateway sees them: sv-discover's /v1/revoke and /v1/revocations over HTTP.
//
// Lives on one reactor and is called from there only. It tells no Dependency: the directory beside it, which asks the
// same service all the time, does.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <span>
#include <string>

#include "chat/revocations.h"
#include "runtime/http_client.h"

namespace simplechat::adapters::discover_http {

class DiscoverHttpRevocations final : public chat::Revocations {
 public:
  struct Options {
    std::string origin;                        // of sv-discover, e.g. http://127.0.0.1:3001
    std::string cluster_secret{};              // sent as a bearer token if not empty
    std::chrono::milliseconds deadline{2000};  // of each request
    runtime::TlsClient* tls = nullptr;         // for https://
  };

  DiscoverHttpRevocations(const boost::asio::any_io_executor& executor, const Options& options);

  chat::Task<chat::Result<void>> revoke(std::span<const chat::Revocation> revocations) override;
  chat::Task<chat::Result<chat::RevocationChanges>> changes_since(const std::string& version) override;

 private:
  chat::Task<chat::Result<std::string>> post(std::string target, std::string body);
  [[nodiscard]] std::unexpected<chat::Error> failed(std::string_view target, std::string_view what) const;

  runtime::HttpClient client_;
};

}  // namespace simplechat::adapters::discover_http

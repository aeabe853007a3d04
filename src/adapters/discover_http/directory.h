// The directory as a gateway sees it: sv-discover's /v1/ endpoints over HTTP.
//
// One object per reactor; lives there and is called from there only. A call of any size is cut into bodies of
// wire::kDirectoryBatchMax.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "chat/directory.h"
#include "runtime/dependency.h"
#include "runtime/http_client.h"

namespace simplechat::adapters::discover_http {

class DiscoverHttpDirectory final : public chat::Directory {
 public:
  struct Options {
    std::string origin;                        // of sv-discover, e.g. http://127.0.0.1:3001
    std::string cluster_secret{};              // sent as a bearer token if not empty
    std::chrono::milliseconds deadline{2000};  // of each request
    runtime::TlsClient* tls = nullptr;         // for https://
  };

  // `dependency` outlives it; the objects of several reactors share it.
  DiscoverHttpDirectory(const boost::asio::any_io_executor& executor, const Options& options,
                        runtime::Dependency& dependency);

  chat::Task<chat::Result<chat::LeaseState>> renew(const chat::GatewayIdentity& gateway,
                                                   std::chrono::milliseconds lease) override;
  chat::Task<chat::Result<chat::Timestamp>> apply(const chat::GatewayIdentity& gateway,
                                                  std::span<const chat::RecordChange> changes) override;
  chat::Task<chat::Result<chat::Locations>> locate(std::span<const std::string> users) override;
  chat::Task<chat::Result<void>> close(const chat::GatewayIdentity& gateway) override;

 private:
  // The answer's body. Every failure is `unavailable`.
  chat::Task<chat::Result<std::string>> post(std::string target, std::string body);
  std::unexpected<chat::Error> failed(std::string_view target, std::string_view what);

  runtime::HttpClient client_;
  runtime::Dependency& dependency_;
};

}  // namespace simplechat::adapters::discover_http

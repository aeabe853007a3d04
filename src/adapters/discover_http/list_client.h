// The calls by which a gateway asks sv-discover for its versioned lists (revocations, blocks).
//
// Lives on one reactor and is called from there only. It tells no Dependency: the directory beside it, which asks the
// same service all the time, does.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "chat/error.h"
#include "chat/task.h"
#include "runtime/http_client.h"

namespace simplechat::adapters::discover_http {

class ListClient {
 public:
  struct Options {
    std::string origin;                        // of sv-discover, e.g. http://127.0.0.1:3001
    std::string cluster_secret{};              // sent as a bearer token if not empty
    std::chrono::milliseconds deadline{2000};  // of each request
    runtime::TlsClient* tls = nullptr;         // for https://
  };

  ListClient(const boost::asio::any_io_executor& executor, const Options& options);

  // The answer's body. Errors: too_large as sv-discover says it, unavailable whatever else went wrong.
  [[nodiscard]] chat::Task<chat::Result<std::string>> post(std::string target, std::string body);
  // unavailable, naming the service.
  [[nodiscard]] std::unexpected<chat::Error> failed(std::string_view target, std::string_view what) const;

 private:
  runtime::HttpClient client_;
};

}  // namespace simplechat::adapters::discover_http

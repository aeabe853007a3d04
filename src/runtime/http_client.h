// HTTP/1.1 client for calls between services: keep-alive connections to one origin, a deadline on every call. Over TLS
// the server's certificate is verified, its name included.
//
// Lives on the reactor whose executor it was given; all calls come from there. Idle connections are kept and used
// again; a request that fails on a reused connection before any byte of the answer came is repeated once on a new one
// (the server may have closed an idle connection), so callers' requests must be idempotent.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "runtime/http.h"
#include "runtime/http_origin.h"

namespace simplechat::runtime {

class TlsClient;

struct HttpFailure {
  std::string message;  // e.g. "connect 127.0.0.1:3001: Connection refused"
};

class HttpClient {
 public:
  struct Options {
    std::chrono::milliseconds deadline{2000};  // connect, send, answer: all together
    std::size_t connections_max = 16;          // at the same time; beyond: the call waits its turn within its deadline
    std::size_t body_bytes_max = 64UL * 1024 * 1024;
    std::string bearer_token{};  // sent as Authorization: Bearer if not empty
    TlsClient* tls = nullptr;    // for https:// origins, which cannot be called without; outlives the client
  };

  // `origin`: http://host[:port] or https://host[:port], as check_http_origin() accepts.
  HttpClient(boost::asio::any_io_executor executor, std::string origin, Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] boost::asio::awaitable<std::expected<HttpResponse, HttpFailure>> call(HttpRequest request);

  [[nodiscard]] const std::string& origin() const;

 private:
  struct Pool;
  std::shared_ptr<Pool> pool_;
};

}  // namespace simplechat::runtime

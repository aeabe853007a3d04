// Handing deliveries to other gateways: POST /v1/deliver at each one's API (body: wire/delivery_body.h).
//
// One object per reactor; lives there and is called from there only. Each gateway has an HTTP client of its own, made
// when it is first needed and dropped when it was not for kIdleMax. Bound: kGatewaysMax gateways at the same time;
// beyond, a call ends with `unavailable`.
//
// A batch of more than kBodyBytesMax goes as several requests, one after the other.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "chat/relay.h"
#include "runtime/http_client.h"
#include "runtime/sharded_map.h"

namespace simplechat::adapters::relay_http {

class HttpRelay final : public chat::Relay {
 public:
  static constexpr std::size_t kGatewaysMax = 1024;
  static constexpr std::chrono::minutes kIdleMax{5};
  // Frames and users of one body, in bytes and in number. With what stands around them, some 20 bytes each, that is
  // well within what a gateway takes: chat::limits::kHttpBodyBytesMax.
  static constexpr std::size_t kBodyBytesMax = 4UL * 1024 * 1024;
  static constexpr std::size_t kDeliveriesMax = 50'000;

  struct Options {
    std::string cluster_secret{};              // sent as a bearer token if not empty
    std::chrono::milliseconds deadline{2000};  // of each request
    runtime::TlsClient* tls = nullptr;         // for gateways at https://
  };

  HttpRelay(boost::asio::any_io_executor executor, Options options);

  chat::Task<chat::Result<std::vector<std::size_t>>> deliver(const std::string& url,
                                                             const chat::DeliveryBatch& batch) override;

  // For tests: gateways that have a client now.
  [[nodiscard]] std::size_t gateways() const { return gateways_.size(); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Gateway {
    Gateway(const boost::asio::any_io_executor& executor, const std::string& url, const Options& options)
        : client(executor, url,
                 {.deadline = options.deadline, .bearer_token = options.cluster_secret, .tls = options.tls}) {}

    runtime::HttpClient client;
    Clock::time_point used_at{};
  };

  chat::Result<std::shared_ptr<Gateway>> gateway_at(const std::string& url);
  void drop_idle(Clock::time_point now);
  chat::Task<chat::Result<std::vector<std::size_t>>> post(Gateway& gateway, const chat::DeliveryBatch& part);

  boost::asio::any_io_executor executor_;
  const Options options_;
  runtime::StringMap<std::shared_ptr<Gateway>> gateways_;  // by url
};

}  // namespace simplechat::adapters::relay_http

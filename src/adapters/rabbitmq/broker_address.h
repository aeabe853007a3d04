// Where the broker is: amqp://user:password@host:port/vhost, or amqps:// for the same over TLS. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "runtime/tls_client.h"

namespace simplechat::adapters::rabbitmq {

struct BrokerAddress {
  std::string host;
  std::uint16_t port = 5672;
  std::string user;
  std::string password;
  std::string vhost;
  bool tls = false;
  runtime::TlsTrust trust{};  // over TLS: by whom the broker is verified. No part of the URL

  bool operator==(const BrokerAddress&) const = default;
};

// Every part but the scheme may be absent: localhost, 5672 (over TLS 5671), guest, guest, "/" (also for an empty vhost,
// as in amqp://host/). The error is one sentence that never holds the password.
[[nodiscard]] std::expected<BrokerAddress, std::string> parse_broker_url(std::string_view url);

}  // namespace simplechat::adapters::rabbitmq

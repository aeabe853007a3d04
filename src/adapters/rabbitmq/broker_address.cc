#include "adapters/rabbitmq/broker_address.h"

#include <amqp.h>

namespace simplechat::adapters::rabbitmq {

std::expected<BrokerAddress, std::string> parse_broker_url(std::string_view url) {
  std::string parsed(url);  // is cut into the parts
  amqp_connection_info info{};
  if (amqp_parse_url(parsed.data(), &info) != AMQP_STATUS_OK || info.port <= 0) {
    return std::unexpected("not a broker URL: amqp://user:password@host:port/vhost, or amqps://, is expected");
  }
  BrokerAddress address{.host = info.host,
                        .port = static_cast<std::uint16_t>(info.port),
                        .user = info.user,
                        .password = info.password,
                        .vhost = info.vhost,
                        .tls = info.ssl != 0,
                        .trust = {}};
  if (address.vhost.empty()) address.vhost = "/";
  return address;
}

}  // namespace simplechat::adapters::rabbitmq

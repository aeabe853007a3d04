#include "sv_websocket/upgrade.h"

#include <utility>

#include "websocket/handshake.h"

namespace simplechat::sv_websocket {

namespace {

struct Offer {
  std::string_view protocol;  // chosen; empty: none was offered that is known
  std::string token;
};

Offer read_offer(const runtime::HttpUpgrade& upgrade) {
  constexpr std::string_view kScheme = "Bearer ";
  Offer offer;
  websocket::for_each_protocol(upgrade.websocket_protocol, [&offer](std::string_view name) {
    if (name == kSubprotocol) offer.protocol = kSubprotocol;
    if (name.starts_with(kTokenPrefix)) offer.token = name.substr(kTokenPrefix.size());
  });
  const std::string_view header = upgrade.request.authorization;
  if (header.starts_with(kScheme)) offer.token = header.substr(kScheme.size());
  return offer;
}

}  // namespace

std::optional<UpgradedSocket> accept_upgrade(runtime::HttpUpgrade& upgrade) {
  const auto accept = websocket::check_upgrade({.method = upgrade.request.method,
                                                .http_version = upgrade.http_version,
                                                .connection = upgrade.connection,
                                                .upgrade = upgrade.upgrade,
                                                .sec_websocket_version = upgrade.websocket_version,
                                                .sec_websocket_key = upgrade.websocket_key});
  if (!accept) return std::nullopt;
  Offer offer = read_offer(upgrade);
  boost::system::error_code failed;
  upgrade.socket.non_blocking(true, failed);
  if (failed) return std::nullopt;
  const int fd = upgrade.socket.release(failed);
  if (failed) return std::nullopt;
  return UpgradedSocket{.fd = fd,
                        .tls = std::move(upgrade.tls),
                        .response = websocket::switching_protocols(*accept, offer.protocol),
                        .early = std::move(upgrade.pipelined),
                        .token = std::move(offer.token)};
}

void add_upgrade_required(runtime::HttpRoutes& routes, const std::string& path) {
  routes.add("GET", path,
             [](const runtime::HttpRequest&,
                const std::vector<std::string>&) -> boost::asio::awaitable<runtime::HttpResponse> {
               runtime::HttpResponse response = runtime::http_error(
                   426, "bad_frame", "this address speaks WebSocket, version 13: send a valid opening handshake");
               response.headers = {{"Upgrade", "websocket"},
                                   {"Sec-WebSocket-Version", std::string(websocket::kProtocolVersion)}};
               co_return response;
             });
}

}  // namespace simplechat::sv_websocket

#include "sv_websocket/admission.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace simplechat::sv_websocket {
namespace {

// Clients add a wait of their own, so that those who were refused together do not come back together.
constexpr unsigned kRetryAfterS = 2;

runtime::HttpResponse refusal(unsigned status, std::string_view code, std::string_view message) {
  runtime::HttpResponse response = runtime::http_error(status, code, message);
  if (status != 403) response.headers.emplace_back("Retry-After", fmt::to_string(kRetryAfterS));
  return response;
}

}  // namespace

IpAddress client_of(const TrustedProxies& proxies, const runtime::HttpRequest& request) {
  return proxies.client(request.remote_address,
                        proxies.header() == ProxyHeader::forwarded ? request.forwarded : request.x_forwarded_for);
}

RateLimit Admission::handshake_rate() const {
  // A second of them may come at once.
  return {.per_ms = limits_.handshakes_per_second, .burst = limits_.handshakes_per_second * kFrameUnits};
}

std::expected<IpAddress, runtime::HttpResponse> Admission::admit(const runtime::HttpUpgrade& upgrade,
                                                                 std::size_t connections, std::uint32_t now_ms) {
  const auto refuse = [this](Limit limit, unsigned status, std::string_view code, std::string_view message) {
    probe_.limited(limit);
    return std::unexpected(refusal(status, code, message));
  };
  if (!rules_.origins.allows(upgrade.origin, upgrade.host)) {
    return refuse(Limit::origin, 403, "forbidden", "pages of this origin may not connect here: see allowed-origins");
  }
  if (connections >= limits_.connections_max) {
    probe_.connection_refused();
    return refuse(Limit::connections, 503, "unavailable",
                  "this gateway has as many connections as it may: try another one");
  }
  const IpAddress client = client_of(rules_.proxies, upgrade.request);
  const AddressKey address = client.subscriber();
  // First the own one: who is too fast must not take what is everybody's.
  const auto entry = addresses_.enter(address, now_ms);
  if (entry == AddressTable::Entry::too_many) {
    return refuse(Limit::connections_per_address, 429, "rate_limited",
                  "there are as many connections from this address as may be");
  }
  if (entry == AddressTable::Entry::too_fast) {
    return refuse(Limit::handshakes_per_address, 429, "rate_limited", "this address connects too often");
  }
  if (handshakes_.take(handshake_rate(), kFrameUnits, now_ms) != 0) {
    addresses_.leave(address);
    return refuse(Limit::handshakes, 503, "unavailable", "too many clients connect at this moment: try again later");
  }
  return client;
}

AddressKey Admission::address_of_peer(const std::string& peer) const {
  const auto address = IpAddress::parse(peer);
  return address && !rules_.proxies.trusts(*address) ? address->subscriber() : 0;
}

bool Admission::enter(const std::string& peer) {
  if (addresses_.enter(address_of_peer(peer))) return true;
  probe_.limited(Limit::connections_per_address);
  return false;
}

void Admission::leave(const std::string& peer) { addresses_.leave(address_of_peer(peer)); }

}  // namespace simplechat::sv_websocket

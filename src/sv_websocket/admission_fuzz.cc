// What a request says of where it comes from: the Origin and Host, and the header of a proxy. The input's lines are a
// list of allowed origins, an origin, a host, a list of trusted proxies, a peer and a forwarding header.

#include <array>
#include <cstdint>
#include <string>

#include "runtime/fuzz_target.h"
#include "sv_websocket/client_address.h"
#include "sv_websocket/origin.h"

namespace {

using namespace simplechat::runtime::fuzz;
using namespace simplechat::sv_websocket;

void check_origins(std::string_view list, std::string_view origin, std::string_view host) {
  const auto allowed = AllowedOrigins::parse(list);
  if (!accepted(allowed)) return;
  require(allowed->allows("", host));
  const bool allows = allowed->allows(origin, host);
  if (AllowedOrigins().allows(origin, host) && !origin.empty()) {
    require(origin.find("://") != std::string_view::npos && !host.empty());
  }
  require(allows == allowed->allows(origin, host));
}

void check_proxies(std::string_view networks, std::string_view peer, std::string_view forwarded) {
  for (const ProxyHeader header : {ProxyHeader::x_forwarded_for, ProxyHeader::forwarded}) {
    const auto proxies = TrustedProxies::parse(networks, header);
    if (!accepted(proxies)) continue;
    const auto address = IpAddress::parse(peer);
    const auto client = proxies->client(peer, forwarded);
    require(!client.known() || !proxies->trusts(client));
    require((client.subscriber() != 0) == client.known());
    // What is shown is what is known.
    require(IpAddress::parse(client.text()) == client);
    // Whom nobody trusts cannot choose who he is.
    if (address && !proxies->trusts(*address)) require(client == address);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = text_of(data, size);
  std::array<std::string_view, 6> lines;
  for (std::string_view& line : lines) line = take_line(text);
  check_origins(lines[0], lines[1], lines[2]);
  check_proxies(lines[3], lines[4], lines[5]);
  return 0;
}

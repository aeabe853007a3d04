// Who may open a connection: how many there are in all and from one address, how many are opened in a second, and by
// which pages.
//
// Lives on its reactor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "runtime/http_server.h"
#include "sv_websocket/address_table.h"
#include "sv_websocket/client_address.h"
#include "sv_websocket/limits.h"
#include "sv_websocket/origin.h"
#include "sv_websocket/probe.h"
#include "sv_websocket/rate_limit.h"

namespace simplechat::sv_websocket {

// One gateway's rules, the same for all its reactors.
struct AdmissionRules {
  AllowedOrigins origins;
  TrustedProxies proxies;
};

// Who sends the request: what TrustedProxies::client() makes of its peer and its headers.
[[nodiscard]] IpAddress client_of(const TrustedProxies& proxies, const runtime::HttpRequest& request);

class Admission final : public runtime::PeerLimit {
 public:
  struct Limits {
    std::size_t connections_max;          // of this reactor
    std::uint32_t handshakes_per_second;  // likewise; 0: no limit
  };

  // What is given by reference outlives it.
  Admission(const AdmissionRules& rules, Limits limits, AddressTable& addresses, Probe& probe)
      : rules_(rules), limits_(limits), addresses_(addresses), probe_(probe) {}
  virtual ~Admission() = default;

  // Takes a place for the client's connection, to be given back by AddressTable::leave(), and returns its address; or
  // says why there is none.
  // `connections`: how many this reactor has.
  [[nodiscard]] std::expected<IpAddress, runtime::HttpResponse> admit(const runtime::HttpUpgrade& upgrade,
                                                                      std::size_t connections, std::uint32_t now_ms);

  // runtime::PeerLimit: connections that are not, or not yet, WebSockets. Those of proxies do not count.
  bool enter(const std::string& peer) override;
  void leave(const std::string& peer) override;

 private:
  [[nodiscard]] AddressKey address_of_peer(const std::string& peer) const;
  [[nodiscard]] RateLimit handshake_rate() const;

  const AdmissionRules& rules_;
  const Limits limits_;
  AddressTable& addresses_;
  Probe& probe_;
  RateBucket handshakes_;
};

}  // namespace simplechat::sv_websocket

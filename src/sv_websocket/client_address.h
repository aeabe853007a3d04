// Where a client connects from, as far as that can be believed: its socket's peer, or, behind a proxy that is trusted,
// what the proxy says.
//
// Pure, and immutable after start-up, so that all reactors share it.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simplechat::sv_websocket {

// IPv6, with IPv4 as mapped addresses (RFC 4291 2.5.5.2). One that is made of nothing is `::`, the unspecified address,
// which nobody has: it stands for a client whose address is not known.
class IpAddress {
 public:
  static constexpr int kBits = 128;

  // "192.0.2.1", "2001:db8::1"; nullopt if it is neither.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool in(const IpAddress& network, int prefix_bits) const;

  // As it is written, IPv4 as such.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool known() const { return *this != IpAddress(); }

  // Who is counted as one client: an IPv4 address, or the /64 that an IPv6 subscriber has at least. 0 if it is not
  // known, and never else.
  [[nodiscard]] std::uint64_t subscriber() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  [[nodiscard]] bool mapped() const;

  std::array<std::uint8_t, 16> bytes_{};
};

enum class ProxyHeader : std::uint8_t { x_forwarded_for, forwarded };

class TrustedProxies {
 public:
  TrustedProxies() = default;

  // `networks`: addresses and CIDR ranges, separated by commas, or "none". The error names the one that is neither.
  [[nodiscard]] static std::expected<TrustedProxies, std::string> parse(std::string_view networks, ProxyHeader header);

  [[nodiscard]] bool trusts(const IpAddress& address) const;
  [[nodiscard]] ProxyHeader header() const { return header_; }

  // The last address in `forwarded` (the header's value) before those of trusted proxies, if `peer` is one, else
  // `peer`. Not known if a trusted proxy does not say whom it speaks for.
  [[nodiscard]] IpAddress client(std::string_view peer, std::string_view forwarded) const;

 private:
  struct Network {
    IpAddress address;
    int prefix_bits;
  };

  std::vector<Network> networks_;
  ProxyHeader header_ = ProxyHeader::x_forwarded_for;
};

}  // namespace simplechat::sv_websocket

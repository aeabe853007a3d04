#include "sv_websocket/client_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace simplechat::sv_websocket {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kMappedBits = 96;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes what stands behind the last `separator` off the end of `list`.
std::string_view take_last(std::string_view& list, char separator) {
  const std::size_t at = list.rfind(separator);
  const std::string_view last = at == std::string_view::npos ? list : list.substr(at + 1);
  list = at == std::string_view::npos ? std::string_view{} : list.substr(0, at);
  return trim(last);
}

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

// RFC 7239 4: for=192.0.2.43;proto=https, or for="[2001:db8::1]:4711". What is not `for` is passed over.
std::string_view for_of(std::string_view element) {
  while (!element.empty()) {
    const std::string_view pair = take_last(element, ';');
    constexpr std::string_view kFor = "for=";
    if (pair.size() < kFor.size() || !std::ranges::equal(pair.substr(0, kFor.size()), kFor, {}, lower)) continue;
    std::string_view node = pair.substr(kFor.size());
    if (node.size() >= 2 && node.front() == '"' && node.back() == '"') node = node.substr(1, node.size() - 2);
    return node;
  }
  return {};
}

// Some proxies add the port.
std::string_view without_port(std::string_view node) {
  if (node.starts_with('[')) return node.substr(1, std::min(node.find(']'), node.size()) - 1);
  return std::ranges::count(node, ':') == 1 ? node.substr(0, node.find(':')) : node;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  IpAddress address;
  if (::inet_pton(AF_INET6, terminated.data(), address.bytes_.data()) == 1) return address;
  if (::inet_pton(AF_INET, terminated.data(), address.bytes_.data() + kMappedPrefix.size()) != 1) return std::nullopt;
  std::ranges::copy(kMappedPrefix, address.bytes_.begin());
  return address;
}

bool IpAddress::in(const IpAddress& network, int prefix_bits) const {
  const auto whole = static_cast<std::size_t>(prefix_bits / 8);
  if (!std::equal(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(whole), network.bytes_.begin())) {
    return false;
  }
  if (prefix_bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00 >> (prefix_bits % 8));
  return ((bytes_[whole] ^ network.bytes_[whole]) & mask) == 0;
}

bool IpAddress::mapped() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin()); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = mapped();
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes_.data() + (v4 ? kMappedPrefix.size() : 0), text.data(), text.size());
  return text.data();
}

std::uint64_t IpAddress::subscriber() const {
  if (!known()) return 0;
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, bytes_.data(), sizeof high);
  std::memcpy(&low, bytes_.data() + sizeof high, sizeof low);
  const std::uint64_t key = mapped() ? low : high;  // a mapped one's holds 0xffff, and no /64 that is routed begins so
  return key != 0 ? key : 1;
}

std::expected<TrustedProxies, std::string> TrustedProxies::parse(std::string_view networks, ProxyHeader header) {
  TrustedProxies proxies;
  proxies.header_ = header;
  if (networks == "none") return proxies;
  while (!networks.empty()) {
    const std::string_view entry = take_last(networks, ',');
    const std::size_t slash = entry.find('/');
    const std::string_view text = entry.substr(0, slash);
    const auto address = IpAddress::parse(text);
    const bool v4 = text.find(':') == std::string_view::npos;
    const int bits_max = v4 ? IpAddress::kBits - kMappedBits : IpAddress::kBits;
    int bits = bits_max;
    if (slash != std::string_view::npos) {
      const std::string_view digits = entry.substr(slash + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
      if (error != std::errc() || end != digits.data() + digits.size()) bits = -1;
    }
    if (!address || bits < 0 || bits > bits_max) {
      return std::unexpected(fmt::format("'{}' is neither an address nor a range such as 10.0.0.0/8", entry));
    }
    proxies.networks_.push_back({.address = *address, .prefix_bits = v4 ? kMappedBits + bits : bits});
  }
  return proxies;
}

bool TrustedProxies::trusts(const IpAddress& address) const {
  return std::ranges::any_of(networks_,
                             [&](const Network& network) { return address.in(network.address, network.prefix_bits); });
}

IpAddress TrustedProxies::client(std::string_view peer, std::string_view forwarded) const {
  std::optional<IpAddress> address = IpAddress::parse(peer);
  while (address && trusts(*address)) {
    if (forwarded.empty()) return {};
    const std::string_view element = take_last(forwarded, ',');
    const std::string_view node = header_ == ProxyHeader::forwarded ? for_of(element) : element;
    address = IpAddress::parse(without_port(node));
  }
  return address.value_or(IpAddress());
}

}  // namespace simplechat::sv_websocket

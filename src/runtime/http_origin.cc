#include "runtime/http_origin.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace simplechat::runtime {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

}  // namespace

std::string HttpOrigin::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

std::expected<HttpOrigin, std::string> parse_http_origin(std::string_view url) {
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) return std::unexpected("it must begin with http:// or https://");
  std::string_view rest = url.substr(url.find("//") + 2);
  if (rest.ends_with('/')) rest.remove_suffix(1);

  HttpOrigin origin{.host = {}, .port = static_cast<std::uint16_t>(tls ? 443 : 80), .tls = tls};
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close != std::string_view::npos) origin.host = rest.substr(1, close - 1);
    in6_addr ignored{};
    if (::inet_pton(AF_INET6, origin.host.c_str(), &ignored) != 1)
      return std::unexpected("brackets must hold an IPv6 address");
    rest.remove_prefix(close + 1);
  } else {
    origin.host = rest.substr(0, rest.find(':'));
    if (!is_host_name(origin.host)) return std::unexpected("it must be http://host[:port]");
    rest.remove_prefix(origin.host.size());
  }
  if (rest.empty()) return origin;
  const std::optional<std::uint16_t> port = rest.starts_with(':') ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return std::unexpected("the port must be 1 to 65535 and nothing may follow it");
  origin.port = *port;
  return origin;
}

std::optional<std::string> check_http_origin(std::string_view url) {
  std::expected<HttpOrigin, std::string> origin = parse_http_origin(url);
  if (origin) return std::nullopt;
  return std::move(origin.error());
}

}  // namespace simplechat::runtime

#include "chat_client/server_url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace simplechat::chat_client {
namespace {

constexpr std::string_view kForm = "must be ws://host[:port][/path] or wss://host[:port][/path]";

std::unexpected<std::string> wrong(std::string_view text) {
  return std::unexpected("the url \"" + std::string(text) + "\" is not allowed: it " + std::string(kForm));
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

// Splits host and port; the host of an IPv6 address keeps no brackets.
bool read_authority(std::string_view authority, ServerUrl& url) {
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    url.host = authority.substr(1, end - 1);
    if (url.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return false;
    rest = authority.substr(end + 1);
  } else {
    url.host = authority.substr(0, authority.find(':'));
    if (!std::ranges::all_of(url.host, is_host_character)) return false;
    rest = authority.substr(url.host.size());
  }
  if (url.host.empty()) return false;
  if (rest.empty()) return true;
  if (!rest.starts_with(':') || !is_port(rest.substr(1))) return false;
  url.port = rest.substr(1);
  return true;
}

}  // namespace

std::string ServerUrl::authority() const { return host.contains(':') ? "[" + host + "]:" + port : host + ":" + port; }

std::expected<ServerUrl, std::string> parse_server_url(std::string_view text) {
  ServerUrl url;
  std::string_view rest = text;
  if (rest.starts_with("wss://")) {
    url.is_secure = true;
    rest.remove_prefix(6);
  } else if (rest.starts_with("ws://")) {
    rest.remove_prefix(5);
  } else {
    return wrong(text);
  }
  url.port = url.is_secure ? "443" : "80";
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  if (!read_authority(rest.substr(0, path), url)) return wrong(text);
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  const bool is_plain = std::ranges::all_of(url.target, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
  if (!is_plain) return wrong(text);
  return url;
}

}  // namespace simplechat::chat_client

// Where an HTTP server is: http://host[:port] or https://host[:port]. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace simplechat::runtime {

struct HttpOrigin {
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 80;
  bool tls = false;

  // As in a Host header (RFC 9110 section 7.2).
  [[nodiscard]] std::string authority() const;
};

// A slash at the end is allowed. The error says, in one line, what is wrong with the URL.
[[nodiscard]] std::expected<HttpOrigin, std::string> parse_http_origin(std::string_view url);

// What parse_http_origin() finds wrong; nullopt: nothing.
[[nodiscard]] std::optional<std::string> check_http_origin(std::string_view url);

}  // namespace simplechat::runtime

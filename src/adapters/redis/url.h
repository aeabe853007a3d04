// redis://[user:password@]host[:port][/db] as a value, and rediss://, which is the same over TLS. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace simplechat::adapters::redis {

struct Url {
  std::string host = "127.0.0.1";  // an IPv6 address without its brackets
  std::uint16_t port = 6379;
  std::string user{};      // empty: the server's default user
  std::string password{};  // empty: no authentication
  unsigned db = 0;
  bool tls = false;

  // host:port, for messages: never holds the password.
  [[nodiscard]] std::string address() const;

  bool operator==(const Url&) const = default;
};

// User and password are percent-decoded; redis://:password@host is the default user's. The error is what is wrong with
// `text`, without repeating it, because it may hold a password.
[[nodiscard]] std::expected<Url, std::string> parse_url(std::string_view text);

}  // namespace simplechat::adapters::redis

// The address of a server: ws://host[:port][/path][?query], or wss:// with TLS. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace simplechat::chat_client {

struct ServerUrl {
  bool is_secure = false;
  std::string host;  // a name or an address, an IPv6 one without its brackets
  std::string port;
  std::string target;  // path and query, "/" at least

  // host:port as a Host header and a message to a person have it.
  [[nodiscard]] std::string authority() const;
};

// The error is one line that says what is wrong.
[[nodiscard]] std::expected<ServerUrl, std::string> parse_server_url(std::string_view text);

}  // namespace simplechat::chat_client

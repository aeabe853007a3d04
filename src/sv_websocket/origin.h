// Which pages may open a WebSocket here (RFC 6455 10.2). A browser tells the origin of the page that asks; whoever
// tells none is no browser. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace simplechat::sv_websocket {

class AllowedOrigins {
 public:
  // Pages of the host that the request was sent to.
  AllowedOrigins() = default;

  // `list`: "same", "*", or origins (https://chat.example, also http, with a port) separated by commas, `same` among
  // them perhaps. The error names what is none of these.
  [[nodiscard]] static std::expected<AllowedOrigins, std::string> parse(std::string_view list);

  // `origin` and `host` are the header's values, empty if absent.
  [[nodiscard]] bool allows(std::string_view origin, std::string_view host) const;

 private:
  std::vector<std::string> origins_;  // in lower case
  bool same_ = true;
  bool any_ = false;
};

}  // namespace simplechat::sv_websocket

#include "sv_websocket/origin.h"

#include <fmt/format.h>

#include <algorithm>

namespace simplechat::sv_websocket {
namespace {

constexpr std::string_view kSchemeEnd = "://";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// What stands behind the scheme; empty if it is no origin of a page that came over http or https.
std::string_view authority_of(std::string_view origin) {
  const std::size_t end = origin.find(kSchemeEnd);
  if (end == std::string_view::npos) return {};
  const std::string_view scheme = origin.substr(0, end);
  if (scheme != "http" && scheme != "https") return {};
  const std::string_view authority = origin.substr(end + kSchemeEnd.size());
  return authority.find_first_of("/?#@ ") == std::string_view::npos ? authority : std::string_view{};
}

// Without the port: the page may come from the API's port, and go to the WebSocket's.
std::string_view host_of(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return authority;
  return authority.substr(0, colon);
}

}  // namespace

std::expected<AllowedOrigins, std::string> AllowedOrigins::parse(std::string_view list) {
  AllowedOrigins allowed;
  allowed.same_ = false;
  while (!list.empty()) {
    const std::string entry = lower(trim(list.substr(0, list.find(','))));
    list.remove_prefix(std::min(list.find(','), list.size() - 1) + 1);
    if (entry == "*") {
      allowed.any_ = true;
    } else if (entry == "same") {
      allowed.same_ = true;
    } else if (!authority_of(entry).empty()) {
      allowed.origins_.push_back(entry);
    } else {
      return std::unexpected(
          fmt::format("'{}' is neither an origin such as https://chat.example nor 'same' nor '*'", entry));
    }
  }
  return allowed;
}

bool AllowedOrigins::allows(std::string_view origin, std::string_view host) const {
  if (any_ || origin.empty()) return true;
  const std::string asking = lower(origin);
  if (std::ranges::find(origins_, asking) != origins_.end()) return true;
  const std::string_view authority = authority_of(asking);
  const std::string_view page_host = host_of(authority);
  return same_ && !page_host.empty() && page_host == host_of(lower(host));
}

}  // namespace simplechat::sv_websocket

#include "adapters/redis/url.h"

#include <charconv>

#include "runtime/http.h"

namespace simplechat::adapters::redis {
namespace {

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// In a URL's authority, unlike in a form, + is a plus.
std::string decode(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '+' ? "%2B" : std::string(1, c);
  return runtime::percent_decode(escaped);
}

// Takes the host and returns what follows it.
std::expected<std::string_view, std::string> take_host(std::string_view text, Url& url) {
  const bool bracketed = text.starts_with('[');
  const std::size_t end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return std::unexpected("the bracket before the host is not closed");
  url.host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  if (url.host.empty()) return std::unexpected("the host is missing");
  return text.substr(bracketed ? end + 1 : end);
}

}  // namespace

std::string Url::address() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

std::expected<Url, std::string> parse_url(std::string_view text) {
  const bool tls = text.starts_with("rediss://");
  const std::string_view scheme = tls ? "rediss://" : "redis://";
  if (!text.starts_with(scheme)) return std::unexpected("it must begin with redis:// or rediss://");
  text.remove_prefix(scheme.size());
  Url url{.tls = tls};
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view credentials = text.substr(0, at);
    const std::size_t colon = credentials.find(':');
    if (colon == std::string_view::npos) return std::unexpected("before the @ must stand user:password");
    url.user = decode(credentials.substr(0, colon));
    url.password = decode(credentials.substr(colon + 1));
    text.remove_prefix(at + 1);
  }
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view db = text.substr(slash + 1);
    if (!db.empty() && !parse_number(db, url.db)) return std::unexpected("behind the / must stand a database's number");
    text = text.substr(0, slash);
  }
  const auto rest = take_host(text, url);
  if (!rest) return std::unexpected(rest.error());
  if (rest->empty()) return url;
  if (!rest->starts_with(':') || !parse_number(rest->substr(1), url.port) || url.port == 0) {
    return std::unexpected("the port must be 1 to 65535");
  }
  return url;
}

}  // namespace simplechat::adapters::redis

#include "runtime/http.h"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>

#include "runtime/json_text.h"

namespace simplechat::runtime {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

enum class Plus : std::uint8_t { is_space, is_plus };

std::string decode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool complete = text[i] == '%' && i + 2 < text.size();
    const int high = complete ? hex_value(text[i + 1]) : -1;
    const int low = complete ? hex_value(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i] == '+' && plus == Plus::is_space ? ' ' : text[i];
    }
  }
  return decoded;
}

bool is_unreserved(char c) {  // RFC 3986 section 2.3
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// "/a/b" -> {"a", "b"}; "/" -> {""}. A path that does not begin with a slash has no segments.
std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    segments.push_back(segment);
    path.remove_prefix(segment.size());
  }
  return segments;
}

// The segments that `pattern`'s placeholders stand for; nullopt if the path is another.
std::optional<std::vector<std::string>> match(const std::vector<std::string>& pattern, std::string_view path) {
  const std::vector<std::string_view> segments = split_path(path);
  const bool open_end = !pattern.empty() && pattern.back() == "*";
  const std::size_t fixed = pattern.size() - (open_end ? 1 : 0);
  if (segments.size() < fixed || (!open_end && segments.size() > fixed)) return std::nullopt;
  std::vector<std::string> matched;
  for (std::size_t i = 0; i < fixed; ++i) {
    if (pattern[i].starts_with(':')) {
      matched.push_back(decode(segments[i], Plus::is_plus));
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  if (open_end) {
    // Views into one path: the rest reaches from the first open segment to the path's end.
    const std::string_view rest =
        segments.size() > fixed ? path.substr(static_cast<std::size_t>(segments[fixed].data() - path.data())) : "";
    matched.push_back(decode(rest, Plus::is_plus));
  }
  return matched;
}

}  // namespace

std::string_view HttpRequest::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::optional<std::string> HttpRequest::query(std::string_view name) const {
  const std::size_t mark = target.find('?');
  if (mark == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::string_view key = pair.substr(0, pair.find('='));
    if (percent_decode(key) != name) continue;
    return key.size() == pair.size() ? std::string() : percent_decode(pair.substr(key.size() + 1));
  }
  return std::nullopt;
}

bool accepts_gzip(std::string_view accept_encoding) {
  const auto trim = [](std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return std::string_view();
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
  };
  while (!accept_encoding.empty()) {
    const std::size_t comma = accept_encoding.find(',');
    const std::string_view entry = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size() : comma + 1);
    const std::size_t semicolon = entry.find(';');
    if (!boost::algorithm::iequals(trim(entry.substr(0, semicolon)), "gzip")) continue;
    const std::string_view weight = semicolon == std::string_view::npos ? "q=1" : trim(entry.substr(semicolon + 1));
    return weight.find_first_of("123456789") != std::string_view::npos;  // "q=0", also with decimals: not acceptable
  }
  return false;
}

std::string percent_decode(std::string_view text) { return decode(text, Plus::is_space); }

std::string percent_encode(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHexDigits[byte >> 4U], kHexDigits[byte & 0xfU]};
    }
  }
  return encoded;
}

void HttpRoutes::add(std::string method, std::string_view pattern, Handler handler) {
  std::vector<std::string> segments;
  for (const std::string_view segment : split_path(pattern)) segments.emplace_back(segment);
  routes_.push_back({std::move(method), std::move(segments), std::move(handler)});
}

boost::asio::awaitable<HttpResponse> HttpRoutes::dispatch(const HttpRequest& request) const {
  std::string allowed;
  for (const Route& route : routes_) {
    const std::optional<std::vector<std::string>> segments = match(route.pattern, request.path());
    if (!segments) continue;
    if (route.method == request.method) co_return co_await route.handler(request, *segments);
    allowed += allowed.empty() ? route.method : ", " + route.method;
  }
  if (allowed.empty()) co_return http_error(404, "not_found", "nothing is served at this path");
  HttpResponse refusal = http_error(405, "not_found", "this path takes another method: " + allowed);
  refusal.headers.emplace_back("Allow", allowed);
  co_return refusal;
}

HttpResponse http_error(unsigned status, std::string_view code, std::string_view message) {
  HttpResponse response{.status = status, .body = R"({"status":"error","code":)"};
  append_json_string(response.body, code);
  response.body += R"(,"message":)";
  append_json_string(response.body, message);
  response.body += '}';
  return response;
}

}  // namespace simplechat::runtime

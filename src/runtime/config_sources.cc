#include "runtime/config_sources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(condition) static_cast<void>(0)  // asserts what it then reports as an error in the text: "[=1"
#include <toml++/toml.h>

#include "runtime/http_origin.h"

namespace simplechat::runtime {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// nullopt: a quote without its other end.
std::optional<std::string_view> dotenv_value(std::string_view text) {
  if (text.starts_with('"') || text.starts_with('\'')) {
    const std::size_t end = text.find(text[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    return text.substr(1, end - 1);
  }
  for (std::size_t at = 0; (at = text.find('#', at)) != std::string_view::npos; ++at) {
    if (at == 0 || kBlanks.contains(text[at - 1])) return trim(text.substr(0, at));
  }
  return text;
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool is_host_and_port(std::string_view text) {
  std::string_view host = text.substr(0, text.find(':'));
  if (text.starts_with('[')) host = text.substr(0, text.find(']') + 1);
  if (host.empty()) return false;
  const std::string_view port = text.substr(host.size());
  return port.empty() || (port.starts_with(':') && is_port(port.substr(1)));
}

// How far the string or comment reaches that `text` begins with; 1 if it begins with neither.
std::size_t token_bytes(std::string_view text) {
  if (text[0] == '#') return std::min(text.find('\n'), text.size());
  if (text[0] != '"' && text[0] != '\'') return 1;
  const std::size_t quotes = text.size() > 2 && text[1] == text[0] && text[2] == text[0] ? 3 : 1;
  const std::string_view quote = text.substr(0, quotes);
  for (std::size_t at = quotes; at < text.size(); ++at) {
    if (text.substr(at).starts_with(quote)) return at + quotes;
    if (text[at] == '\\' && quote[0] == '"') ++at;
    if (at < text.size() && text[at] == '\n' && quotes == 1) return at;  // it has no end: the parser says so
  }
  return text.size();
}

// The first line that has a letter beyond ASCII outside of strings and comments. TOML has none there, and what toml++
// does with some of them is undefined.
std::optional<std::ptrdiff_t> line_beyond_ascii(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  for (std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) > 0x7f) return 1 + std::ranges::count(text.substr(0, at), '\n');
    at += token_bytes(text.substr(at));
  }
  return std::nullopt;
}

}  // namespace

std::expected<std::map<std::string, std::string>, std::string> parse_dotenv(std::string_view text) {
  std::map<std::string, std::string> variables;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    std::string_view line = trim(whole);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("export ")) line = trim(line.substr(std::string_view("export ").size()));
    const std::size_t equals = line.find('=');
    const std::string_view key = trim(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      return std::unexpected(fmt::format("line {}: must be KEY=VALUE", number));
    }
    const std::optional<std::string_view> value = dotenv_value(trim(line.substr(equals + 1)));
    if (!value) return std::unexpected(fmt::format("line {}: the quote of {} does not end", number, key));
    variables.insert_or_assign(std::string(key), std::string(*value));
  }
  return variables;
}

std::expected<std::map<std::string, std::string>, std::string> parse_toml(std::string_view text) {
  if (const auto line = line_beyond_ascii(text)) {
    return std::unexpected(fmt::format("line {}: a character beyond ASCII must stand in quotes", *line));
  }
  std::map<std::string, std::string> values;
  try {
    for (const auto& [key, node] : toml::parse(text)) {
      const std::string name(key.str());
      if (const auto* string = node.as_string()) {
        values[name] = string->get();
      } else if (const auto* integer = node.as_integer()) {
        values[name] = fmt::to_string(integer->get());
      } else if (const auto* boolean = node.as_boolean()) {
        values[name] = fmt::to_string(boolean->get());
      } else {
        return std::unexpected(fmt::format("{}: must be a string, an integer or true or false", name));
      }
    }
  } catch (const toml::parse_error& failure) {
    return std::unexpected(fmt::format("line {}: {}", failure.source().begin.line, failure.description()));
  }
  return values;
}

std::optional<std::string> check_url(std::string_view url, std::span<const std::string> schemes) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos || std::ranges::find(schemes, url.substr(0, colon)) == schemes.end()) {
    return fmt::format("it must begin with {}://", fmt::join(schemes, ":// or "));
  }
  if (url.starts_with("http://") || url.starts_with("https://")) return check_http_origin(url);
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; }))
    return "it must be printable ASCII without blanks";
  std::string_view authority = url.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  do {
    const std::string_view host = authority.substr(0, authority.find(','));
    if (!is_host_and_port(host)) return "it must name a host, and a port from 1 to 65535 or none";
    authority.remove_prefix(std::min(authority.size(), host.size() + 1));
  } while (!authority.empty());
  return std::nullopt;
}

std::string mask_url(std::string_view url) {
  std::string masked(url);
  const std::size_t scheme = url.find("://");
  const std::size_t user = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t at = url.rfind('@');
  const std::size_t colon = url.find(':', user);
  if (at != std::string_view::npos && colon < at) masked.replace(colon + 1, at - colon - 1, "***");
  constexpr std::string_view kParameter = "password=";
  for (std::size_t found = 0; (found = masked.find(kParameter, found)) != std::string::npos;) {
    found += kParameter.size();
    masked.replace(found, std::min(masked.find('&', found), masked.size()) - found, "***");
  }
  return masked;
}

}  // namespace simplechat::runtime

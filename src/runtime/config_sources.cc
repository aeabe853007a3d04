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

// Whether each % begins %XX (RFC 3986, 2.1), and not %00, which is nothing that a name or a password may hold.
bool escapes_are_valid(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); };
  for (std::size_t at = 0; (at = text.find('%', at)) != std::string_view::npos; ++at) {
    const std::string_view digits = text.substr(at + 1, 2);
    if (digits.size() != 2 || !std::ranges::all_of(digits, is_hex) || digits == "00") return false;
  }
  return true;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c <= 0x7f; });
}

bool is_comment_or_nothing(std::string_view text) { return text.empty() || text.starts_with('#'); }

// How long the string is that `text` begins with, quotes included; 0 if it begins with none, or with one of several
// lines, or if that does not end.
std::size_t string_bytes(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '\'') || text.starts_with(R"(""")") || text.starts_with("'''")) {
    return 0;
  }
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == text[0]) return at + 1;
    if (text[at] == '\\' && text[0] == '"') ++at;
  }
  return 0;
}

// Whether the line is nothing but a comment, or KEY = VALUE with a value that ends on it: a string or a bare word.
bool is_plain(std::string_view line) {
  if (is_comment_or_nothing(trim(line))) return true;
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = line.substr(0, equals);
  if (!is_ascii(key) || key.find_first_of("\"'#[{") != std::string_view::npos) return false;
  const std::string_view value = trim(line.substr(equals + 1));
  const std::size_t bytes = string_bytes(value);
  if (bytes > 0) return is_comment_or_nothing(trim(value.substr(bytes)));
  const std::string_view bare = value.substr(0, value.find('#'));
  return is_ascii(bare) && bare.find_first_of("\"'[{") == std::string_view::npos;
}

// The first line with a letter beyond ASCII where none is needed: what toml++ does with some of them outside of strings
// and behind a backslash that ends a line of one is undefined. In strings and comments of plain lines they are safe, as
// long as all lines before are plain, too: within an array or a string of several lines, it alone knows what a line is.
std::optional<std::ptrdiff_t> line_beyond_ascii(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  bool all_plain = true;
  for (std::ptrdiff_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    all_plain = all_plain && is_plain(line);
    if (!all_plain && !is_ascii(line)) return number;
    text.remove_prefix(std::min(text.size(), line.size() + 1));
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
    return std::unexpected(
        fmt::format("line {}: a character beyond ASCII must stand in a string of one line, or in a comment, and behind "
                    "nothing but lines of KEY = VALUE",
                    *line));
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
  // Whatever reads it later would say so as well, but some show what is wrong, be it a password.
  if (!escapes_are_valid(url)) return "a % must begin an escape, as %40; one that is meant is %25";
  std::string_view authority = url.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    // To some readers the host begins behind the first one, and they show what they take for a host.
    if (authority.find('@') != at) return "an @ in the user or password must be %40";
    authority.remove_prefix(at + 1);
  }
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

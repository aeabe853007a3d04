// The texts that options are read from, as keys and values. Pure.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace simplechat::runtime {

// KEY=VALUE lines; blank lines, # comments, `export ` and quotes around the value are understood. Errors name the line.
[[nodiscard]] std::expected<std::map<std::string, std::string>, std::string> parse_dotenv(std::string_view text);

// The top-level keys of a TOML document; integers and booleans as text. Errors name the line or the key.
[[nodiscard]] std::expected<std::map<std::string, std::string>, std::string> parse_toml(std::string_view text);

// nullopt if `url` is scheme://[user[:password]@]host[:port][,host[:port]...][/path][?query] with one of the schemes
// (RFC 3986); otherwise what is wrong with it. With the scheme http only an origin, http://host[:port], will do.
[[nodiscard]] std::optional<std::string> check_url(std::string_view url, std::span<const std::string> schemes);

// The URL with *** instead of its password, also where it is malformed: rather too much is masked than too little.
[[nodiscard]] std::string mask_url(std::string_view url);

}  // namespace simplechat::runtime

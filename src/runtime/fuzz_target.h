// For fuzz targets: what they all say about an input and about what came of it. A check that fails aborts, in every
// build, which libFuzzer reports with the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <string_view>

namespace simplechat::runtime::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

// Whether something was accepted; a refusal must give a reason: its error's `message`, or the error itself.
template <class Value, class Error>
bool accepted(const std::expected<Value, Error>& result) {
  if (!result) {
    if constexpr (requires { result.error().message; }) {
      require(!result.error().message.empty());
    } else {
      require(!result.error().empty());
    }
  }
  return result.has_value();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Cuts the first line off `text`, for inputs that are several texts.
inline std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
  return line;
}

}  // namespace simplechat::runtime::fuzz

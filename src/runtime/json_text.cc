#include "runtime/json_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace simplechat::runtime {
namespace {

bool between(char byte, std::uint8_t low, std::uint8_t high) {
  const auto value = static_cast<std::uint8_t>(byte);
  return low <= value && value <= high;
}

void append_json_ascii(std::string& out, char character) {
  switch (character) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (character < 0x20 || character == 0x7f) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(character));
  } else {
    out += character;
  }
}

}  // namespace

std::size_t utf8_sequence_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  std::size_t bytes = 0;
  std::uint8_t second_low = 0x80;  // RFC 3629 section 4: no overlong forms, no surrogates, nothing beyond U+10FFFF
  std::uint8_t second_high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    bytes = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    bytes = 3;
    if (lead == 0xe0) second_low = 0xa0;
    if (lead == 0xed) second_high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    bytes = 4;
    if (lead == 0xf0) second_low = 0x90;
    if (lead == 0xf4) second_high = 0x8f;
  }
  if (bytes == 0 || text.size() < bytes || !between(text[1], second_low, second_high)) return 0;
  for (std::size_t i = 2; i < bytes; ++i) {
    if (!between(text[i], 0x80, 0xbf)) return 0;
  }
  return bytes;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0) {
      out += "\\ufffd";
    } else if (bytes == 1) {
      append_json_ascii(out, text[0]);
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  out += '"';
}

}  // namespace simplechat::runtime

#include "wire/json.h"

#include <array>
#include <charconv>
#include <cstring>

namespace simplechat::wire {
namespace {

constexpr std::uint64_t kEveryByte = 0x0101010101010101ULL;
constexpr std::uint64_t kHighBits = 0x80 * kEveryByte;

constexpr bool must_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

constexpr std::uint64_t has_zero_byte(std::uint64_t word) { return (word - kEveryByte) & ~word & kHighBits; }

// Not zero if and only if one of the eight bytes must be escaped. Which one it is, the bits do not say: a borrow may
// mark the byte beside it too.
constexpr std::uint64_t must_escape_any(std::uint64_t word) {
  const std::uint64_t control = (word - 0x20 * kEveryByte) & ~word & kHighBits;
  return control | has_zero_byte(word ^ ('"' * kEveryByte)) | has_zero_byte(word ^ ('\\' * kEveryByte));
}

// The first byte of [begin, end) that must be escaped, or `end`.
const char* find_escape(const char* begin, const char* end) {
  const char* at = begin;
  for (std::uint64_t word = 0; static_cast<std::size_t>(end - at) >= sizeof word; at += sizeof word) {
    std::memcpy(&word, at, sizeof word);
    if (must_escape_any(word) != 0) break;
  }
  while (at != end && !must_escape(*at)) ++at;
  return at;
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 0xf]);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    const char* const escape = find_escape(at, end);
    out.append(at, static_cast<std::size_t>(escape - at));
    if (escape == end) break;
    append_escape(out, *escape);
    at = escape + 1;
  }
  out.push_back('"');
}

void append_json_integer(std::string& out, std::int64_t value) {
  std::array<char, 20> digits;  // as many as the lowest value has, with its sign
  const char* const end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace simplechat::wire

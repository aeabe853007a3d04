#include "wire/json.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace simplechat::wire {
namespace {

constexpr std::uint64_t kEveryByte = 0x0101010101010101ULL;
constexpr std::uint64_t kHighBits = 0x80 * kEveryByte;
constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

// Bytes that are looked at together, by whatever vector instructions there are.
using Chunk [[gnu::vector_size(16)]] = unsigned char;

constexpr bool must_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

constexpr std::uint64_t has_zero_byte(std::uint64_t word) { return (word - kEveryByte) & ~word & kHighBits; }

// The place of the first of the eight bytes that must be escaped; 8 if there is none. A borrow may mark bytes behind
// that one, never one before it.
constexpr std::size_t first_escape(std::uint64_t word) {
  const std::uint64_t control = (word - 0x20 * kEveryByte) & ~word & kHighBits;
  const std::uint64_t marks =
      control | has_zero_byte(word ^ ('"' * kEveryByte)) | has_zero_byte(word ^ ('\\' * kEveryByte));
  static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");
  return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
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

std::size_t plain_prefix(std::string_view text) {
  std::size_t at = 0;
  for (Chunk chunk; at + sizeof chunk <= text.size(); at += sizeof chunk) {
    std::memcpy(&chunk, text.data() + at, sizeof chunk);
    if (__builtin_reduce_or((chunk < 0x20) | (chunk == '"') | (chunk == '\\')) != 0) break;
  }
  const auto escape_at = [&text](std::size_t place) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + place, sizeof word);
    return first_escape(word);
  };
  for (; at + kWordBytes <= text.size(); at += kWordBytes) {
    if (const std::size_t offset = escape_at(at); offset < kWordBytes) return at + offset;
  }
  if (at == text.size()) return at;
  if (text.size() >= kWordBytes) {  // the last eight bytes: those that were looked at already are plain
    const std::size_t last = text.size() - kWordBytes;
    return last + escape_at(last);
  }
  while (at < text.size() && !must_escape(text[at])) ++at;
  return at;
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (true) {
    const std::size_t plain = plain_prefix(text);
    out.append(text.substr(0, plain));
    if (plain == text.size()) break;
    append_escape(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out.push_back('"');
}

void append_json_integer(std::string& out, std::int64_t value) {
  std::array<char, 20> digits;  // as many as the lowest value has, with its sign
  const char* const end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace simplechat::wire

#include "websocket/utf8.h"

#include <cstring>

#include "websocket/mask.h"

namespace simplechat::websocket {
namespace {

struct Continuation {
  std::uint8_t missing;
  std::uint8_t lowest;
  std::uint8_t highest;
};

// What must follow a lead byte of 0x80 or above (Unicode, table 3-7). `missing` is 0 if the byte leads nothing.
constexpr Continuation continuation_of(std::uint8_t lead) {
  if (lead < 0xc2) return {0, 0, 0};
  if (lead < 0xe0) return {1, 0x80, 0xbf};
  if (lead == 0xe0) return {2, 0xa0, 0xbf};  // below: overlong
  if (lead == 0xed) return {2, 0x80, 0x9f};  // above: surrogates
  if (lead < 0xf0) return {2, 0x80, 0xbf};
  if (lead == 0xf0) return {3, 0x90, 0xbf};  // below: overlong
  if (lead < 0xf4) return {3, 0x80, 0xbf};
  if (lead == 0xf4) return {3, 0x80, 0x8f};  // above: beyond U+10FFFF
  return {0, 0, 0};
}

bool starts_with_ascii_word(const char* at, const char* end) {
  std::uint64_t word;
  if (end - at < static_cast<std::ptrdiff_t>(sizeof word)) return false;
  std::memcpy(&word, at, sizeof word);
  return (word & kHighBits) == 0;
}

}  // namespace

bool Utf8Validator::feed(std::string_view piece) {
  Continuation next{missing_, lowest_, highest_};
  const char* const end = piece.data() + piece.size();
  for (const char* at = piece.data(); at != end;) {
    if (next.missing == 0 && starts_with_ascii_word(at, end)) {
      at += sizeof(std::uint64_t);
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(*at++);
    if (next.missing > 0) {
      if (byte < next.lowest || byte > next.highest) return false;
      next = {static_cast<std::uint8_t>(next.missing - 1), 0x80, 0xbf};
    } else if (byte >= 0x80) {
      next = continuation_of(byte);
      if (next.missing == 0) return false;
    }
  }
  missing_ = next.missing;
  lowest_ = next.lowest;
  highest_ = next.highest;
  return true;
}

bool is_utf8(std::string_view text) {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t size = bytes_max;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace simplechat::websocket

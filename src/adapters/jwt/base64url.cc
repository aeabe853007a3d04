#include "adapters/jwt/base64url.h"

#include <array>
#include <cstdint>

namespace simplechat::adapters::jwt {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNoDigit = 0xff;
constexpr unsigned kDigitBits = 6;
constexpr unsigned kByteBits = 8;

constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}();

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * kDigitBits / kByteBits);
  std::uint32_t pending = 0;  // bits read but not yet written, `pending_bits` of them
  unsigned pending_bits = 0;
  for (const char c : text) {
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit) return std::nullopt;
    pending = pending << kDigitBits | digit;
    pending_bits += kDigitBits;
    if (pending_bits < kByteBits) continue;
    pending_bits -= kByteBits;
    bytes.push_back(static_cast<char>(pending >> pending_bits));
    pending &= (1U << pending_bits) - 1;
  }
  if (pending_bits == kDigitBits || pending != 0) return std::nullopt;
  return bytes;
}

std::string encode_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * kByteBits + kDigitBits - 1) / kDigitBits);
  std::uint32_t pending = 0;  // bits read but not yet written, `pending_bits` of them
  unsigned pending_bits = 0;
  for (const char byte : bytes) {
    pending = pending << kByteBits | static_cast<unsigned char>(byte);
    pending_bits += kByteBits;
    while (pending_bits >= kDigitBits) {
      pending_bits -= kDigitBits;
      text.push_back(kAlphabet[pending >> pending_bits]);
      pending &= (1U << pending_bits) - 1;
    }
  }
  if (pending_bits > 0) text.push_back(kAlphabet[pending << (kDigitBits - pending_bits)]);
  return text;
}

}  // namespace simplechat::adapters::jwt

// Masking of client frames (RFC 6455 5.3), eight bytes at a time and in place.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace simplechat::websocket {

// A masking key: its bytes in memory order are the key's octets in wire order.
using MaskKey = std::uint32_t;

// The key that continues behind `bytes_done` masked bytes of a frame.
[[nodiscard]] constexpr MaskKey advance_mask(MaskKey key, std::size_t bytes_done) {
  static_assert(std::endian::native == std::endian::little, "the octet at offset 0 must be the key's lowest byte");
  return std::rotr(key, static_cast<int>(8 * (bytes_done % 4)));
}

// Masks or unmasks `data`. Returns all resulting bytes or-ed together, spread over a word: no bit of kHighBits in it
// means that `data` is ASCII now, which saves text a second pass.
inline constexpr std::uint64_t kHighBits = 0x8080808080808080;

inline std::uint64_t apply_mask(std::span<char> data, MaskKey key) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  char* const bytes = data.data();
  const std::size_t size = data.size();
  std::uint64_t seen = 0;
  if (size < kWord) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<char>(bytes[i] ^ static_cast<char>(key >> (8 * (i % 4))));
      seen |= static_cast<unsigned char>(bytes[i]);
    }
    return seen;
  }
  const auto wide_key = [](MaskKey narrow) { return narrow * 0x1'0000'0001ULL; };
  // The last word is read before the loop changes bytes that it shares with the word before it.
  std::uint64_t last;
  std::memcpy(&last, bytes + size - kWord, kWord);
  last ^= wide_key(advance_mask(key, size));
  const std::uint64_t word_key = wide_key(key);
  for (std::size_t i = 0; i + kWord < size; i += kWord) {
    std::uint64_t word;
    std::memcpy(&word, bytes + i, kWord);
    word ^= word_key;
    seen |= word;
    std::memcpy(bytes + i, &word, kWord);
  }
  std::memcpy(bytes + size - kWord, &last, kWord);
  return seen | last;
}

}  // namespace simplechat::websocket

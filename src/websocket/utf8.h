// UTF-8 (RFC 3629) over text that arrives in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace simplechat::websocket {

// Fails at the first byte that no valid text can have at its place: overlong forms, surrogates and code points above
// U+10FFFF fail at their second byte. Three bytes of state, so that a connection can keep it between reads.
class Utf8Validator {
 public:
  // Takes the next piece; false once the text can no longer become valid. Not to be called again after that.
  [[nodiscard]] bool feed(std::string_view piece);

  // Whether the text so far ends at a character's end.
  [[nodiscard]] bool complete() const { return missing_ == 0; }

 private:
  std::uint8_t missing_ = 0;  // continuation bytes of the character begun
  std::uint8_t lowest_ = 0;   // the next of them lies in [lowest_, highest_]
  std::uint8_t highest_ = 0;
};

[[nodiscard]] bool is_utf8(std::string_view text);

// The longest prefix of valid UTF-8 `text` that has at most `bytes_max` bytes and splits no character.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

}  // namespace simplechat::websocket

// The one encoding of bytes in a token: base64url without padding (RFC 7515 section 2, RFC 4648 section 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace simplechat::adapters::jwt {

// The bytes that `text` encodes. Nothing if it holds any other character, `=` included, has a length that no bytes
// encode to, or sets bits beyond the last byte: each value has exactly one encoding.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

[[nodiscard]] std::string encode_base64url(std::string_view bytes);

}  // namespace simplechat::adapters::jwt

// Text as a JSON string: what logs and HTTP errors of this room are made of. Pure.
#pragma once

#include <string>
#include <string_view>

namespace simplechat::runtime {

// Appends `text` with quotes, escaped per RFC 8259 section 7. Bytes that are not UTF-8 become U+FFFD, so that the
// result is always valid JSON, whatever a peer sent.
void append_json_string(std::string& out, std::string_view text);

// Bytes of the well-formed UTF-8 sequence (RFC 3629) that `text` begins with: 1 to 4; 0 if it begins with none or is
// empty.
[[nodiscard]] std::size_t utf8_sequence_bytes(std::string_view text);

}  // namespace simplechat::runtime

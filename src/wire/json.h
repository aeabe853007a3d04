// JSON text building shared by the encoders of this room and of the services' HTTP endpoints: appends to a std::string,
// allocates nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace simplechat::wire {

// Bytes at the front of `text` that stand in a JSON string as they are: up to the first control character, quote or
// backslash.
[[nodiscard]] std::size_t plain_prefix(std::string_view text);

// `text` (valid UTF-8) as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);
void append_json_integer(std::string& out, std::int64_t value);

}  // namespace simplechat::wire

// JSON text building shared by the encoders of this room and of the services' HTTP endpoints: appends to a std::string,
// allocates nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace simplechat::wire {

// `text` (valid UTF-8) as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);
void append_json_integer(std::string& out, std::int64_t value);

}  // namespace simplechat::wire

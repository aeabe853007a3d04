// What the bodies of the versioned lists that gateways ask sv-discover for have in common (revocations, blocks). Pure.
//
//   asked      {"since":"<version>"}, empty the first time
//   answered   {"status":"success","version":"...", and what the list adds
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "chat/error.h"

namespace simplechat::wire {

inline constexpr std::size_t kChangesVersionBytesMax = 64;

[[nodiscard]] std::string encode_changes_request(std::string_view version);
[[nodiscard]] chat::Result<std::string> parse_changes_request(std::string_view body);  // bad_json, bad_frame

// The beginning of an answer, up to the version.
[[nodiscard]] std::string begin_changes(std::string_view version);
// ,"key":true
void append_flag(std::string& out, std::string_view key, bool value);

}  // namespace simplechat::wire

// Bodies about blocks, both directions. Pure. A change is
//
//   {"user":"alice","blocked":"bob","present":true}
//
//   gateway       GET /v1/blocks    {"status":"success","user":"alice","blocked":["bob",...]}
//   sv-discover   POST /v1/block    {"changes":[...]}
//                                   {"status":"success"}
//                 POST /v1/blocks   {"since":"<version>"}
//                                   {"status":"success","version":"...","all":false,"lost":false,"more":false,
//                                    "changes":[...]}
//
// The file of the embedded server has a line of the form of POST /v1/block for each call.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/blocks.h"

namespace simplechat::wire {

// Error: bad_frame, where one of them is no user id, or both are the same.
[[nodiscard]] chat::Result<void> check_block(std::string_view user, std::string_view blocked);

[[nodiscard]] std::string encode_blocked(std::string_view user, std::span<const std::string> blocked);

// The parsers' errors: bad_json, bad_frame, too_large. What is asked about changes: wire/changes_body.h.
[[nodiscard]] std::string encode_block(std::span<const chat::BlockChange> changes);
[[nodiscard]] chat::Result<std::vector<chat::BlockChange>> parse_block(std::string_view body);
[[nodiscard]] std::string encode_block_changes(const chat::BlockChanges& changes);
[[nodiscard]] chat::Result<chat::BlockChanges> parse_block_changes(std::string_view body);

}  // namespace simplechat::wire

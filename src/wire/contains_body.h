// Bodies of sv-persist's POST /v1/contains, both directions. Pure.
//
//   {"messages":[{"from","to","id"},...]}
//   {"status":"success","contained":true}
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/error.h"
#include "chat/message_store.h"

namespace simplechat::wire {

[[nodiscard]] std::string encode_contains(std::span<const chat::MessageKey> keys);
// Errors: bad_json, bad_frame, and too_large beyond chat::kContainsKeysMax messages.
[[nodiscard]] chat::Result<std::vector<chat::MessageKey>> parse_contains(std::string_view body);

[[nodiscard]] std::string encode_contained(bool contained);
// Errors: bad_json or bad_frame if the other side does not speak the contract.
[[nodiscard]] chat::Result<bool> parse_contained(std::string_view body);

}  // namespace simplechat::wire

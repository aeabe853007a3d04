// Body of POST /send: one message {type, from, to, payload, id?} or an array of them, from another service. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "chat/error.h"
#include "chat/message.h"

namespace simplechat::wire {

inline constexpr std::size_t kSendMessagesMax = 1000;

// `id` is empty and `at` 0 where absent. Errors: bad_json, bad_frame, unknown_type, too_large; nothing is taken of a
// body with an error.
[[nodiscard]] chat::Result<std::vector<chat::Message>> parse_send_body(std::string_view body);

}  // namespace simplechat::wire

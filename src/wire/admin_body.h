// Bodies of the admin API's requests, and what else it reads. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "chat/error.h"

namespace simplechat::wire {

inline constexpr std::size_t kDeadLetterIdsMax = 1000;

struct DisconnectRequest {
  std::string user;
  std::string session;  // empty: all of the user's
};
// {"user":"alice","session":"..."}; session is optional.
[[nodiscard]] chat::Result<DisconnectRequest> parse_disconnect(std::string_view body);

// {"seconds":30}, up to an hour.
[[nodiscard]] chat::Result<std::chrono::milliseconds> parse_drain(std::string_view body);

// {"level":"debug"}; whatever the word is.
[[nodiscard]] chat::Result<std::string> parse_log_level(std::string_view body);

// {"ids":["...", ...]}, or {"all":true}: no ids.
[[nodiscard]] chat::Result<std::vector<std::string>> parse_replay(std::string_view body);

// The reason in a line of the file of dead letters, {"at","reason","records"}.
[[nodiscard]] chat::Result<std::string> parse_dead_letter_reason(std::string_view line);

}  // namespace simplechat::wire

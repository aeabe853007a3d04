// What the application's hooks are asked and answer: see adapters/hook_http/connect_hook.h and send_hook.h. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/connect_hook.h"
#include "chat/error.h"
#include "chat/message.h"

namespace simplechat::wire {

struct ConnectAnswer {
  bool allow = false;
  std::string user{};    // whom it lets in; empty: whom it was asked about
  std::string reason{};  // why not; may be empty
};

[[nodiscard]] std::string encode_connect_request(const chat::ConnectRequest& request);
// Errors: bad_json, bad_frame.
[[nodiscard]] chat::Result<ConnectAnswer> parse_connect_answer(std::string_view body);

struct SendAnswer {
  bool allow = false;
  std::optional<std::string> payload{};  // in place of the message's; nullopt: as it is
  std::string reason{};                  // why not; may be empty
};

// All of the message but `at`.
[[nodiscard]] std::string encode_send_request(const chat::MessageView& message);
// Errors: bad_json, bad_frame; too_large for a payload that no message may have.
[[nodiscard]] chat::Result<SendAnswer> parse_send_answer(std::string_view body);

}  // namespace simplechat::wire

// What the connect hook is asked and answers: see adapters/hook_http/connect_hook.h. Pure.
#pragma once

#include <string>
#include <string_view>

#include "chat/connect_hook.h"
#include "chat/error.h"

namespace simplechat::wire {

struct HookAnswer {
  bool allow = false;
  std::string user{};    // whom it lets in; empty: whom it was asked about
  std::string reason{};  // why not; may be empty
};

[[nodiscard]] std::string encode_connect_request(const chat::ConnectRequest& request);
// Errors: bad_json, bad_frame.
[[nodiscard]] chat::Result<HookAnswer> parse_hook_answer(std::string_view body);

}  // namespace simplechat::wire

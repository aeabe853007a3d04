// JSON lines of scripts: a message that came, and one that is to be sent. Pure.
#pragma once

#include <string>
#include <string_view>

#include "chat/error.h"
#include "chat/message.h"

namespace simplechat::wire {

// {"id":...,"from":...,"to":...,"payload":...,"at":...} without a line end. DEL and the C1 controls are escaped as well
// as what JSON asks for, so that such a line does no harm on a terminal.
void append_message_line(std::string& out, const chat::MessageView& message);

// A message to be sent. `to` and `id` are empty if absent.
struct Draft {
  std::string to;
  std::string payload;
  std::string id;
};

// {"payload":..., "to":..., "id":...}; other fields are ignored, so that a line of append_message_line() can be sent
// on. Errors: bad_json, bad_frame, too_large.
[[nodiscard]] chat::Result<Draft> parse_draft_line(std::string_view line);

}  // namespace simplechat::wire

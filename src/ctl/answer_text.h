// An admin API's answer as text for a person. Pure.
#pragma once

#include <string>
#include <string_view>

namespace simplechat::ctl {

// Values stand behind their names, one a line, and a list of objects is a table with their keys as its head; "status"
// is left out. Control characters become a question mark: what users named themselves must not command a terminal. What
// is not a JSON object is returned as it is, but for these.
[[nodiscard]] std::string text_of_answer(std::string_view json);

// {"code","message"} of an error as "code: message".
[[nodiscard]] std::string text_of_error(std::string_view json);

// Each becomes a question mark.
[[nodiscard]] std::string without_control_characters(std::string_view text);

}  // namespace simplechat::ctl

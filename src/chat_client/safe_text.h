// Text from others, made fit for a terminal: no control character reaches it raw, and its width is known. Pure.
//
// Escaped are what a terminal acts upon (C0, DEL and C1 controls: an escape sequence begins with one of them), what
// reorders text so that it reads as something else (bidirectional controls) and line separators; as \x1b or \u{202e}.
// Bytes that are not UTF-8 become \xff. A tab becomes four spaces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace simplechat::chat_client {

// The first character of a text that is not empty.
struct Character {
  char32_t code;      // 0xfffd if it is not valid
  std::size_t bytes;  // 1 if it is not valid
  bool is_valid;
};
[[nodiscard]] Character first_character(std::string_view text);

void append_utf8(std::string& out, char32_t code);

// The character as it is, or escaped. `bytes`: of which it is made.
void append_safe(std::string& out, Character character, std::string_view bytes);

// All of `text` in one line: a line feed becomes \n, in two characters.
[[nodiscard]] std::string safe_line(std::string_view text);

// Columns that a terminal gives a character; in doubt the greater number, so that what is thought to fit does fit. 0
// for combining ones.
[[nodiscard]] std::size_t columns_of(char32_t code);
[[nodiscard]] std::size_t columns_of(std::string_view safe);

// `safe` cut to `columns`, with an ellipsis if something was cut off.
[[nodiscard]] std::string fit(std::string_view safe, std::size_t columns);

}  // namespace simplechat::chat_client

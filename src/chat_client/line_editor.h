// The line that is being written: keys in, text and cursor out. Sans I/O.
//
// Of our own, on a terminal in raw mode, instead of libedit: what is needed is small (one logical line, moved in a
// window), while a library that draws by itself would have to be taught to make room for messages that come meanwhile,
// to take bytes from an event loop, and to show what others wrote safely; and readline's licence is not ours.
//
// Keys: as in a shell (arrows, Home, End, Ctrl-A E B F P N K U W, backspace, delete). Pasted text is taken as it is,
// line feeds included (bracketed paste); Alt-Enter writes one. Bound: a message's payload; beyond, keys are ignored.
// The latest kRecalledMax lines can be recalled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace simplechat::chat_client {

enum class KeyAction : std::uint8_t {
  edited,     // the text has changed
  submitted,  // a line is complete
  ended,      // Ctrl-D on an empty line
  interrupted,
  suspended,  // Ctrl-Z
  refreshed,  // Ctrl-L
};
struct KeyEvent {
  KeyAction action;
  std::string line{};  // of `submitted`
};

class LineEditor {
 public:
  static constexpr std::size_t kRecalledMax = 100;

  // Bytes as the terminal sent them; a character or a key's sequence may be cut by their end.
  [[nodiscard]] std::vector<KeyEvent> feed(std::string_view bytes);

  // What fits into `columns`, fit for a terminal, with the cursor between the two and inside the window.
  struct View {
    std::string before;
    std::string after;
  };
  [[nodiscard]] View view(std::size_t columns) const;
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  enum class State : std::uint8_t { text, escape, sequence };

  void take_byte(unsigned char byte, std::vector<KeyEvent>& events);
  void take_control(unsigned char byte, std::vector<KeyEvent>& events);
  void take_escape(unsigned char byte, std::vector<KeyEvent>& events);
  void finish_sequence(std::vector<KeyEvent>& events);
  void take_character(std::string_view bytes, std::vector<KeyEvent>& events);
  void insert(char32_t code, std::vector<KeyEvent>& events);
  void erase(std::size_t from, std::size_t to, std::vector<KeyEvent>& events);
  void submit(std::vector<KeyEvent>& events);
  void recall(int direction);
  void replace(std::u32string text);
  [[nodiscard]] std::size_t word_start() const;

  std::u32string text_;
  std::size_t cursor_ = 0;
  std::size_t bytes_ = 0;  // of text_ as UTF-8
  std::deque<std::u32string> recalled_;
  std::size_t recall_at_ = 0;  // recalled_.size(): the line that is being written
  std::u32string draft_;       // that line, while others are recalled

  State state_ = State::text;
  std::string sequence_;   // of a key, behind ESC [
  std::string character_;  // bytes of a character that is not complete
  bool pasting_ = false;
};

}  // namespace simplechat::chat_client

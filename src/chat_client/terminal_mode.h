// The terminal's mode while a person writes: keys come one by one and are not shown by it. What is written is still
// treated as lines. Put back when this object ends.
#pragma once

#include <termios.h>

#include <cstddef>

namespace simplechat::chat_client {

class TerminalMode {
 public:
  TerminalMode();  // throws std::runtime_error if stdin is no terminal
  ~TerminalMode();
  TerminalMode(const TerminalMode&) = delete;
  TerminalMode& operator=(const TerminalMode&) = delete;

  void enter();
  void leave();
  // Gives the terminal back, stops this process until it is continued, and takes the terminal again.
  void suspend();

  // Of stdout's terminal; 80 if it does not say.
  [[nodiscard]] static std::size_t columns();

 private:
  termios before_{};
};

}  // namespace simplechat::chat_client

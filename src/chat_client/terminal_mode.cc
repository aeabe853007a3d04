#include "chat_client/terminal_mode.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace simplechat::chat_client {

TerminalMode::TerminalMode() {
  if (::tcgetattr(STDIN_FILENO, &before_) != 0) throw std::runtime_error("stdin is no terminal");
  enter();
}

TerminalMode::~TerminalMode() { leave(); }

void TerminalMode::enter() {
  termios mode = before_;
  mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
  mode.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
}

void TerminalMode::leave() { ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_); }

void TerminalMode::suspend() {
  leave();
  ::raise(SIGTSTP);
  enter();
}

std::size_t TerminalMode::columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return size.ws_col;
}

}  // namespace simplechat::chat_client

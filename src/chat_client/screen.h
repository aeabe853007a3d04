// The lower end of the terminal: rows that say what is going on, and the line that is being written. Sans I/O: makes
// the bytes to be written.
//
// What is printed scrolls away above them for good; they are taken off before and drawn again after it, so that nothing
// tears the line. Each row is cut to the terminal's width and drawn with automatic wrapping off, and the cursor is put
// by saving its place: a terminal that gives a character another width than is thought here loses nothing by it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace simplechat::chat_client {

// All texts are fit for a terminal (safe_text.h).
struct Footing {
  std::vector<std::string> rows;  // above the line
  std::string prompt;
  std::string before;  // the cursor
  std::string after;

  bool operator==(const Footing&) const = default;
};

class Screen {
 public:
  // Bytes that print `lines` (whole ones, or nothing) above `footing`. Nothing if nothing has changed.
  [[nodiscard]] std::string draw(std::string_view lines, const Footing& footing, std::size_t columns);
  // Bytes that take the footing off.
  [[nodiscard]] std::string erase();
  // What is on the terminal is not known any more: the next draw() draws all.
  void forget() { is_stale_ = true; }

 private:
  Footing drawn_;
  std::size_t rows_drawn_ = 0;  // the line included; 0: nothing is drawn
  bool is_stale_ = false;
};

}  // namespace simplechat::chat_client

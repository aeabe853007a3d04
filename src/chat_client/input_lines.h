// Lines out of bytes that come in pieces. Sans I/O. A last line without a line feed counts.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "chat/limits.h"

namespace simplechat::chat_client {

class InputLines {
 public:
  // A JSON line whose payload is escaped throughout. Beyond: is_broken(), and nothing more is taken.
  static constexpr std::size_t kLineBytesMax = chat::limits::kClientFrameBytesMax;

  void feed(std::string_view bytes);
  void end();

  struct Line {
    std::size_t number;  // from 1
    std::string text;
  };
  [[nodiscard]] std::optional<Line> take();

  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  // The line that is too long, if one is.
  [[nodiscard]] std::size_t next_number() const { return number_ + 1; }

 private:
  void add(std::string line);

  std::string partial_;
  std::deque<Line> lines_;
  std::size_t number_ = 0;  // of the latest line that is complete
  bool is_broken_ = false;
};

}  // namespace simplechat::chat_client

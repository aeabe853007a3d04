#include "chat_client/input_lines.h"

#include <utility>

namespace simplechat::chat_client {

void InputLines::feed(std::string_view bytes) {
  while (!bytes.empty() && !is_broken_) {
    const std::size_t end = bytes.find('\n');
    partial_.append(bytes.substr(0, end));
    if (partial_.size() > kLineBytesMax) {
      is_broken_ = true;
      partial_.clear();
      return;
    }
    if (end == std::string_view::npos) return;
    add(std::exchange(partial_, {}));
    bytes.remove_prefix(end + 1);
  }
}

void InputLines::end() {
  if (!partial_.empty()) add(std::exchange(partial_, {}));
}

void InputLines::add(std::string line) { lines_.push_back({.number = ++number_, .text = std::move(line)}); }

std::optional<InputLines::Line> InputLines::take() {
  if (lines_.empty()) return std::nullopt;
  Line line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

}  // namespace simplechat::chat_client

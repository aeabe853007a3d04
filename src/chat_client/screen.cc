#include "chat_client/screen.h"

#include <fmt/format.h>

#include "chat_client/safe_text.h"

namespace simplechat::chat_client {
namespace {

constexpr std::string_view kWrapOff = "\x1b[?7l";
constexpr std::string_view kWrapOn = "\x1b[?7h";
constexpr std::string_view kSaveCursor =
    "\x1b"
    "7";
constexpr std::string_view kRestoreCursor =
    "\x1b"
    "8";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kEraseBelow = "\x1b[J";

}  // namespace

std::string Screen::erase() {
  if (rows_drawn_ == 0) return {};
  std::string out = "\r";
  if (rows_drawn_ > 1) out += fmt::format("\x1b[{}A", rows_drawn_ - 1);
  out += kEraseBelow;
  rows_drawn_ = 0;
  return out;
}

std::string Screen::draw(std::string_view lines, const Footing& footing, std::size_t columns) {
  if (lines.empty() && rows_drawn_ > 0 && !is_stale_ && footing == drawn_) return {};
  std::string out = erase();
  out += lines;
  out += kWrapOff;
  for (const std::string& row : footing.rows) out += fmt::format("{}{}{}\n", kDim, fit(row, columns), kPlain);
  out +=
      fmt::format("{}{}{}{}{}{}", footing.prompt, footing.before, kSaveCursor, footing.after, kRestoreCursor, kWrapOn);
  drawn_ = footing;
  rows_drawn_ = footing.rows.size() + 1;
  is_stale_ = false;
  return out;
}

}  // namespace simplechat::chat_client

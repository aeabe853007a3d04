#include "chat_client/transcript.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "chat_client/safe_text.h"

namespace simplechat::chat_client {
namespace {

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kContinuation =
    "      ┆ ";  // as wide as "14:03 " and a bar: no such line can pass for a message

}  // namespace

std::tm Transcript::time_of(chat::Timestamp at) const {
  return local_time_(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::microseconds(at)).count());
}

std::string Transcript::styled(std::string_view style, std::string_view text) const {
  return styled_ ? fmt::format("{}{}{}", style, text, kPlain) : std::string(text);
}

std::string Transcript::clock_of(chat::Timestamp at) const {
  const std::tm time = time_of(at);
  return fmt::format("{:02}:{:02}", time.tm_hour, time.tm_min);
}

std::string Transcript::note(std::string_view text) const { return styled(kDim, "* " + safe_line(text)) + "\n"; }

std::string Transcript::lines(const chat::Message& message, bool with_recipient) {
  std::string out;
  const std::tm time = time_of(message.at);
  constexpr int kDaysMax = 366;
  const int day = time.tm_year * kDaysMax + time.tm_yday;
  if (day_ != day) {
    std::array<char, 64> date;
    const std::size_t bytes = std::strftime(date.data(), date.size(), "%Y-%m-%d", &time);
    out += styled(kDim, fmt::format("-- {} --", std::string_view(date.data(), bytes))) + "\n";
    day_ = day;
  }
  std::string sender = safe_line(message.from);
  if (with_recipient) sender += " → " + safe_line(message.to);
  out += styled(kDim, clock_of(message.at)) + " " + styled(kBold, sender + ":") + " ";
  std::string_view rest = message.payload;
  while (true) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    out += safe_line(line) + "\n";
    if (end == std::string_view::npos) return out;
    rest.remove_prefix(end + 1);
    out += styled(kDim, kContinuation);
  }
}

}  // namespace simplechat::chat_client

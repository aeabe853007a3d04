// Messages as lines for a person: local time, sender, text. Sans I/O; the time zone is a parameter.
//
//   14:03 bob: hello
//             ┆ a second line of the same message
//
// A line with the date stands before the first message of another day. What comes from others goes through safe_text.h.
#pragma once

#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "chat/message.h"

namespace simplechat::chat_client {

using LocalTime = std::function<std::tm(std::time_t)>;

class Transcript {
 public:
  // `styled`: with bold and dim, for a terminal.
  Transcript(LocalTime local_time, bool styled) : local_time_(std::move(local_time)), styled_(styled) {}

  // Whole lines. `with_recipient`: names it, as where several conversations are shown.
  [[nodiscard]] std::string lines(const chat::Message& message, bool with_recipient);
  // A line of this program.
  [[nodiscard]] std::string note(std::string_view text) const;
  // "14:03" for a message's time.
  [[nodiscard]] std::string clock_of(chat::Timestamp at) const;
  // The next message is preceded by its date whatever it is.
  void forget_day() { day_.reset(); }

 private:
  [[nodiscard]] std::tm time_of(chat::Timestamp at) const;
  [[nodiscard]] std::string styled(std::string_view style, std::string_view text) const;

  LocalTime local_time_;
  bool styled_;
  std::optional<int> day_;  // of the latest message: year and day of the year
};

}  // namespace simplechat::chat_client

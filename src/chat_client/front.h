// What stands between a ClientSession and whoever uses it. Sans I/O: bytes of stdin and the session's events in, bytes
// for stdout and stderr out. Lives in the program, beside the session that it speaks to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat_client/events.h"

namespace simplechat::chat_client {

class Front {
 public:
  Front() = default;
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  virtual ~Front() = default;

  virtual void start(Instant now) = 0;
  virtual void handle(Event event, Instant now) = 0;

  // stdin is read only while it is wanted.
  [[nodiscard]] virtual bool wants_input() const = 0;
  virtual void input(std::string_view bytes, Instant now) = 0;
  virtual void input_ended(Instant now) = 0;
  // SIGINT, SIGTERM or SIGHUP: leave, at the second time at once.
  virtual void interrupted(Instant now) = 0;

  [[nodiscard]] virtual std::optional<Instant> next_wake() const = 0;
  virtual void wake(Instant now) = 0;

  // Taken after every call. With an exit code, nothing comes after these.
  [[nodiscard]] virtual std::string take_output() = 0;
  [[nodiscard]] virtual std::string take_errors() = 0;
  [[nodiscard]] virtual std::optional<int> exit_code() const = 0;
};

}  // namespace simplechat::chat_client

// What the command line of `simplechat chat` asks for. Pure: the environment and files come in as parameters.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "chat_client/client_session.h"
#include "chat_client/events.h"
#include "chat_client/server_url.h"

namespace simplechat::chat_client {

// Documented in --help.
enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2, kNotAcked = 3, kUnauthorized = 4 };

struct Settings {
  std::vector<ServerUrl> urls{};  // one at least; each reconnect takes the next
  std::string ca_file{};          // empty: the system's
  std::string me{};
  std::string to{};  // empty: none
  TokenSource token{};
  std::vector<std::string> texts{};  // to be sent
  bool sends_stdin = false;          // --send -
  bool follows = false;
  bool json = false;
  std::optional<std::size_t> history{};
  Milliseconds timeout{0};  // 0: none
};

// What is to be done, given where stdin and stdout lead.
struct Plan {
  bool interactive = false;  // a person at a terminal; else all of the following count
  bool reads_stdin = false;
  bool prints_json = false;
  bool prints_acked = false;  // a receipt for each message sent
  std::size_t history = 0;
};

// `read_file` is kept: a token's file is read anew for each connect.
struct Surroundings {
  std::function<const char*(const char* name)> environment;  // nullptr: not set
  std::function<std::expected<std::string, std::string>(const std::string& path)> read_file;
};

// Not started: print `text` (to stdout if the code is 0) and end.
struct Stop {
  int exit_code;
  std::string text;
};

[[nodiscard]] std::expected<Settings, Stop> parse_command_line(const std::vector<std::string>& arguments,
                                                               const Surroundings& surroundings);
[[nodiscard]] std::expected<Plan, Stop> make_plan(const Settings& settings, bool stdin_is_terminal,
                                                  bool stdout_is_terminal);

}  // namespace simplechat::chat_client

// The command line of `simplechat ctl`: what to ask which admin APIs. Pure, but for the reading of a token's file,
// which is a parameter.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/tls_client.h"

namespace simplechat::ctl {

inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;  // an instance answered with an error
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;
inline constexpr int kUnauthorized = 4;

struct Request {
  std::string method;
  std::string target;
  std::string body{};
  bool optional = false;  // an instance that has no such thing is passed over
};

struct Command {
  std::vector<std::string> urls;  // each is asked everything
  std::string token;
  runtime::TlsTrust trust;  // of https urls
  bool json = false;
  std::vector<Request> requests;
};

// Why nothing is asked: print `text`, to stdout if the exit code is 0, and end.
struct Stop {
  int exit_code;
  std::string text;
};

struct Surroundings {
  std::function<const char*(const char* name)> environment;  // nullptr: not set
  std::function<std::expected<std::string, std::string>(const std::string& path)> read_file;
};

// `arguments`: behind `simplechat ctl`.
[[nodiscard]] std::expected<Command, Stop> parse_command(const std::vector<std::string>& arguments,
                                                         const Surroundings& surroundings);

}  // namespace simplechat::ctl

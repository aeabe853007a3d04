// `simplechat ctl`: asks the admin APIs that a command names, one after the other, and prints what they answer.
#pragma once

namespace simplechat::ctl {

// `argv`: behind `simplechat ctl`. Returns the exit code.
[[nodiscard]] int run_ctl(int argc, const char* const* argv);

// `simplechat trace`: prints the path of one message as the services' logs tell it. Exit code 1: they do not.
[[nodiscard]] int run_trace(int argc, const char* const* argv);

}  // namespace simplechat::ctl

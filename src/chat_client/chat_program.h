// `simplechat chat`: wires a session, its link, and a person or a script together on one thread, and runs them.
#pragma once

namespace simplechat::chat_client {

// `argv` without the program's name and the word `chat`. Returns the process's exit code (command_line.h).
[[nodiscard]] int run_chat(int argc, const char* const* argv);

}  // namespace simplechat::chat_client

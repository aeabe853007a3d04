// `simplechat token`: makes a token that a gateway with `--auth jwt` accepts, for trying out and for tests.
#pragma once

namespace simplechat::apps {

// `argv`: what follows the word `token`. Prints the token on stdout, or what is wrong on stderr. Returns the exit code:
// 0, 1 if a key cannot be used, 2 on a wrong use.
[[nodiscard]] int run_token(int argc, const char* const* argv);

}  // namespace simplechat::apps

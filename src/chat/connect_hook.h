// Port: the embedding application's word on whether a client may come in, asked at every registration and HTTP call of
// a user, after the authenticator.
//
// Implementation: adapters/hook_http. Every call ends within the implementation's deadline.
#pragma once

#include <string>

#include "chat/error.h"
#include "chat/task.h"

namespace simplechat::chat {

struct ConnectRequest {
  std::string user{};   // whom the authenticator says it is: with `--auth none`, only the client does
  std::string token{};  // as it came; empty if there was none
  std::string remote_address{};
};

class ConnectHook {
 public:
  virtual ~ConnectHook() = default;

  // The user that may act. Errors: unauthorized, with the application's reason; unavailable if it gave no answer.
  virtual Task<Result<std::string>> ask(ConnectRequest request) = 0;
};

}  // namespace simplechat::chat

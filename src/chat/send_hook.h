// Port: the embedding application's word on a message of a client, asked before the message is accepted.
//
// Implementation: adapters/hook_http. Every call ends within the implementation's deadline.
#pragma once

#include <string>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/task.h"

namespace simplechat::chat {

class SendHook {
 public:
  virtual ~SendHook() = default;

  // The payload with which the message may go on: its own, or what the application puts in its place. `message` has no
  // `at` yet: it gets that when it is accepted. Errors: forbidden, with the application's reason; unavailable if it
  // gave no answer.
  virtual Task<Result<std::string>> ask(Message message) = 0;
};

}  // namespace simplechat::chat

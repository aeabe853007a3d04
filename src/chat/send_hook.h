// Port: the embedding application's word on a message of a client, asked before the message is accepted.
//
// Implementation: adapters/hook_http. Every call ends within the implementation's deadline.
#pragma once

#include <string>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/task.h"

namespace simplechat::chat {

// With what text a message may go on.
struct Approval {
  std::string payload;
  bool replaced = false;  // it is the application's, in place of the message's own
};

class SendHook {
 public:
  virtual ~SendHook() = default;

  // `message` has no `at` yet: it gets that when it is accepted. Errors: forbidden, with the application's reason;
  // unavailable if it gave no answer.
  virtual Task<Result<Approval>> ask(Message message) = 0;
};

}  // namespace simplechat::chat

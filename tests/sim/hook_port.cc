#include "hook_port.h"

#include <utility>

namespace simplechat::sim {

Task<Result<chat::Approval>> SendHookPort::ask(chat::Message message) {
  world_.trace(process_.part, "asks about", message.id);
  auto approval = co_await world_.call<chat::Approval>(
      process_, kPart, kDeadline, [message = std::move(message)]() -> Task<Result<chat::Approval>> {
        co_return chat::Approval{.payload = message.payload};
      });
  if (!approval) world_.trace(process_.part, "has no answer about a message");
  co_return approval;
}

}  // namespace simplechat::sim

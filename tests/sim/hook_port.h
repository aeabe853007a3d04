// The embedding application, which allows every message: one gateway's way to it, slow and lossy as all others.
#pragma once

#include "chat/send_hook.h"
#include "world.h"

namespace simplechat::sim {

class SendHookPort final : public chat::SendHook {
 public:
  static constexpr const char* kPart = "application";
  static constexpr milliseconds kDeadline{1000};  // as --hook-timeout-ms

  SendHookPort(World& world, const Process& process) : world_(world), process_(process) {}

  Task<Result<chat::Approval>> ask(chat::Message message) override;

 private:
  World& world_;
  const Process& process_;
};

}  // namespace simplechat::sim

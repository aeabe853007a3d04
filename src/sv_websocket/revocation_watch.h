// Keeps a gateway's reactors told of what is revoked: asks the store again and again what is new, and passes on what an
// HTTP caller revokes here.
//
// Lives on one reactor of the gateway, where revoke() is called too. As long as the store cannot be asked, what is
// known stays in force. A store that has lost its data says so, and is told again all that this gateway knows, until it
// has it. stop() before destruction.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/revocations.h"
#include "runtime/reactor.h"
#include "runtime/sharded_map.h"
#include "sv_websocket/change_poll.h"

namespace simplechat::sv_websocket {

class RevocationWatch {
 public:
  static constexpr std::chrono::seconds kForgetEvery{60};

  using Batch = std::shared_ptr<const std::vector<chat::Revocation>>;
  struct Callbacks {
    std::function<void(const Batch&)> revoked;       // what is new; at first all, be it nothing
    std::function<void(std::int64_t now_s)> forget;  // now and then
    std::function<std::int64_t()> now_s;             // seconds since the Unix epoch
  };

  RevocationWatch(runtime::Reactor& reactor, chat::Revocations& revocations, Callbacks callbacks);

  // Before the reactor runs.
  void start() { poll_.start(); }
  chat::Task<void> stop() { return poll_.stop(); }

  // Ends when the store keeps it; here it is in force then.
  chat::Task<chat::Result<void>> revoke(chat::Revocation revocation);

 private:
  chat::Task<chat::Result<bool>> ask();
  void forget_now_and_then();
  chat::Task<void> tell_again();
  void take(std::vector<chat::Revocation> news, bool complete);

  chat::Revocations& revocations_;
  const Callbacks callbacks_;
  std::string version_;                         // as last heard
  runtime::StringMap<chat::Revocation> known_;  // by kind and subject
  std::vector<chat::Revocation> news_;          // not passed on yet
  std::vector<chat::Revocation> to_tell_;       // again, to a store that has lost its data
  bool told_ = false;                           // the first news have been passed on, which are complete
  bool telling_fails_ = false;
  std::chrono::steady_clock::time_point forget_at_{};
  ChangePoll poll_;
};

}  // namespace simplechat::sv_websocket

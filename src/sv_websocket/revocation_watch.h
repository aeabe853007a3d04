// Keeps a gateway's reactors told of what is revoked: asks the store every kAskEvery what is new, and passes on what an
// HTTP caller revokes here.
//
// Lives on one reactor of the gateway, where revoke() is called too. As long as the store cannot be asked, what is
// known stays in force. A store that has lost its data says so, and is told again all that this gateway knows. stop()
// before destruction.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/revocations.h"
#include "runtime/gate.h"
#include "runtime/reactor.h"
#include "runtime/sharded_map.h"

namespace simplechat::sv_websocket {

class RevocationWatch {
 public:
  static constexpr std::chrono::milliseconds kAskEvery{400};
  static constexpr std::chrono::seconds kForgetEvery{60};

  using Batch = std::shared_ptr<const std::vector<chat::Revocation>>;
  struct Callbacks {
    std::function<void(const Batch&)> revoked;       // what is new; at first all, be it nothing
    std::function<void(std::int64_t now_s)> forget;  // now and then
    std::function<std::int64_t()> now_s;             // seconds since the Unix epoch
  };

  RevocationWatch(runtime::Reactor& reactor, chat::Revocations& revocations, Callbacks callbacks);

  // Before the reactor runs.
  void start();
  chat::Task<void> stop();

  // Ends when the store keeps it; here it is in force then.
  chat::Task<chat::Result<void>> revoke(chat::Revocation revocation);

 private:
  chat::Task<void> keep_asking();
  chat::Task<bool> ask();
  chat::Task<void> tell_again();
  void take(std::vector<chat::Revocation> news, bool complete);

  runtime::Reactor& reactor_;
  chat::Revocations& revocations_;
  const Callbacks callbacks_;
  runtime::Gate gate_;
  boost::asio::steady_timer timer_;
  std::string version_;                         // as last heard
  runtime::StringMap<chat::Revocation> known_;  // by kind and subject
  std::vector<chat::Revocation> news_;          // not passed on yet
  bool told_ = false;                           // the first news have been passed on, which are complete
  bool failing_ = false;
  bool stopped_ = false;
  std::chrono::steady_clock::time_point forget_at_{};
};

}  // namespace simplechat::sv_websocket

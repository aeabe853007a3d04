// Asks a versioned list what has changed, every kAskEvery: what the watches of revocations and blocks have in common.
//
// Lives on one reactor. stop() before destruction.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "chat/error.h"
#include "chat/task.h"
#include "runtime/gate.h"
#include "runtime/reactor.h"

namespace simplechat::sv_websocket {

class ChangePoll {
 public:
  static constexpr std::chrono::milliseconds kAskEvery{400};

  // Asks once, and takes the answer; true: there is more, to be asked for at once.
  using Ask = std::function<chat::Task<chat::Result<bool>>()>;

  // `failing`: the event that is logged when asking begins to fail.
  ChangePoll(runtime::Reactor& reactor, std::string failing, Ask ask);

  // Before the reactor runs.
  void start();
  chat::Task<void> stop();
  [[nodiscard]] bool stopped() const { return stopped_; }

  // Asks at once; ends when everything has been taken that was in the list when this was called. Error: unavailable.
  [[nodiscard]] chat::Task<chat::Result<void>> catch_up();

 private:
  chat::Task<void> keep_asking();
  chat::Task<chat::Result<void>> ask_all();

  runtime::Reactor& reactor_;
  const std::string failing_event_;
  const Ask ask_;
  runtime::Gate gate_;
  boost::asio::steady_timer next_;         // until the next round
  boost::asio::steady_timer round_ended_;  // never expires: being cancelled is its signal
  std::uint64_t begun_ = 0;                // rounds; each asks until there is no more
  std::uint64_t ended_ = 0;
  chat::Result<void> outcome_;  // of the latest that has ended
  bool failing_ = false;
  bool hurry_ = false;  // the next round begins when this one ends
  bool stopped_ = false;
};

}  // namespace simplechat::sv_websocket

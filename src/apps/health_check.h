// Asks a dependency every second whether it is there, so that /readyz is right also while nobody else asks.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "chat/task.h"
#include "runtime/reactor.h"

namespace simplechat::apps {

// `checked` has check() -> Task<Result<...>>, which tells its Dependency; it outlives the reactor's loop, with which
// the checking ends.
template <class Checked>
void check_every_second(runtime::Reactor& reactor, Checked& checked) {
  const auto keep_checking = [](Checked& each) -> chat::Task<void> {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (true) {
      static_cast<void>(co_await each.check());
      timer.expires_after(std::chrono::seconds(1));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
  };
  boost::asio::co_spawn(reactor.executor(), keep_checking(checked), boost::asio::detached);
}

}  // namespace simplechat::apps

#include "sv_websocket/change_poll.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "runtime/log.h"

namespace simplechat::sv_websocket {

namespace asio = boost::asio;

ChangePoll::ChangePoll(runtime::Reactor& reactor, std::string failing, Ask ask)
    : reactor_(reactor),
      failing_event_(std::move(failing)),
      ask_(std::move(ask)),
      gate_(reactor.executor()),
      next_(reactor.executor()),
      round_ended_(reactor.executor(), asio::steady_timer::time_point::max()) {}

void ChangePoll::start() {
  reactor_.post([this] { gate_.spawn(keep_asking()); });
}

chat::Task<void> ChangePoll::stop() {
  stopped_ = true;
  next_.cancel();
  round_ended_.cancel();
  co_await gate_.close();
}

chat::Task<void> ChangePoll::keep_asking() {
  while (!stopped_) {
    hurry_ = false;
    ++begun_;
    outcome_ = co_await ask_all();
    if (!outcome_ && !failing_) runtime::log::warn(failing_event_, {{"reason", outcome_.error().message}});
    failing_ = !outcome_;
    ended_ = begun_;
    round_ended_.cancel();
    if (stopped_ || hurry_) continue;
    next_.expires_after(kAskEvery);
    boost::system::error_code woken;
    co_await next_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

chat::Task<chat::Result<void>> ChangePoll::ask_all() {
  for (bool more = true; more && !stopped_;) {
    auto asked = co_await ask_();
    if (!asked) co_return std::unexpected(std::move(asked).error());
    more = *asked;
  }
  co_return chat::Result<void>();
}

// A round that is under way may have asked before what the caller has in mind was in the list.
chat::Task<chat::Result<void>> ChangePoll::catch_up() {
  const std::uint64_t round = begun_ + 1;
  hurry_ = true;
  next_.cancel();
  boost::system::error_code signal;
  while (ended_ < round && !stopped_) {
    co_await round_ended_.async_wait(asio::redirect_error(asio::use_awaitable, signal));
  }
  if (ended_ < round) co_return chat::fail(chat::ErrorCode::unavailable, "this gateway is shutting down");
  co_return outcome_;
}

}  // namespace simplechat::sv_websocket

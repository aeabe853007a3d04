// Keeps count of the coroutines that an object has running, so that it is not destroyed under them.
//
// spawn() refuses once close() was called; close() ends when the last one has ended. Lives on one reactor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <exception>
#include <utility>

namespace simplechat::runtime {

class Gate {
 public:
  explicit Gate(const boost::asio::any_io_executor& executor) : executor_(executor), drained_(executor) {
    drained_.expires_at(boost::asio::steady_timer::time_point::max());
  }

  // Starts the coroutine on the gate's executor. An exception that leaves it ends the process: expected failures are
  // values. Returns false, without starting it, once the gate is closing.
  bool spawn(boost::asio::awaitable<void> coroutine) {
    if (closing_) return false;
    ++running_;
    boost::asio::co_spawn(executor_, std::move(coroutine), [this](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
      if (--running_ == 0 && closing_) drained_.cancel();
    });
    return true;
  }

  [[nodiscard]] bool closing() const { return closing_; }

  boost::asio::awaitable<void> close() {
    closing_ = true;
    boost::system::error_code ignored;  // the timer never expires: being cancelled is its signal
    while (running_ > 0) {
      co_await drained_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
  }

 private:
  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer drained_;
  std::size_t running_ = 0;
  bool closing_ = false;
};

}  // namespace simplechat::runtime

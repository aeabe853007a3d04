// One value that another thread brings to a coroutine by a deadline.
//
// Made by the coroutine that waits and lives on its executor; only set() is thread-safe. Shared with whoever is to
// answer; the executor's context must outlive every pointer to it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace simplechat::runtime {

template <class T>
class Reply : public std::enable_shared_from_this<Reply<T>> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Reply(const boost::asio::any_io_executor& executor, TimePoint deadline) : timer_(executor, deadline) {}

  // The first value counts. Thread-safe.
  void set(T value) {
    boost::asio::post(timer_.get_executor(), [self = this->shared_from_this(), value = std::move(value)]() mutable {
      if (self->value_) return;
      self->value_ = std::move(value);
      self->timer_.cancel();
    });
  }

  // The value, or nothing at the deadline.
  boost::asio::awaitable<std::optional<T>> wait() {
    boost::system::error_code ignored;  // cancelled or expired: `value_` tells
    while (!value_ && std::chrono::steady_clock::now() < timer_.expiry()) {
      co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    co_return std::move(value_);
  }

 private:
  boost::asio::steady_timer timer_;
  std::optional<T> value_;
};

}  // namespace simplechat::runtime

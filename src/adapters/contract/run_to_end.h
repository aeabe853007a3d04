// For tests: runs a coroutine to its end on the test's own thread.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "chat/task.h"

namespace simplechat::adapters::contract {

// Longer than any call's own deadline.
inline constexpr std::chrono::seconds kTestDeadline{60};

// Runs `io` until `done` says so. Throws, which fails the test, after kTestDeadline.
template <class Done>
void run_until(boost::asio::io_context& io, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + kTestDeadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline)
      throw std::runtime_error("what the test waits for did not happen");
    io.restart();
    io.run_one_until(deadline);
  }
}

template <class T>
T run_to_end(boost::asio::io_context& io, chat::Task<T> task) {
  const auto outcome = std::make_shared<std::optional<T>>();
  boost::asio::co_spawn(io, std::move(task), [outcome](const std::exception_ptr& failure, T value) {
    if (failure) std::rethrow_exception(failure);
    *outcome = std::move(value);
  });
  run_until(io, [&] { return outcome->has_value(); });
  return std::move(**outcome);
}

}  // namespace simplechat::adapters::contract

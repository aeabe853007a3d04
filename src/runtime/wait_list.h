// Coroutines of one reactor that wait for something, first come first served, each until its own deadline.
//
// Owner: what they wait for; it outlives the waiting ones. Lives on one reactor.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <list>

namespace simplechat::runtime {

class WaitList {
 public:
  explicit WaitList(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  // Returns true once woken, false at the deadline.
  boost::asio::awaitable<bool> wait_until(std::chrono::steady_clock::time_point deadline) {
    Entry entry(*this, deadline);
    boost::system::error_code ignored;  // cancelled or expired: `woken` tells
    while (!entry.woken && std::chrono::steady_clock::now() < deadline) {
      co_await entry.timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    co_return entry.woken;
  }

  // Wakes the one that has waited longest. Returns false if none waits.
  bool wake_one() {
    const auto first = std::ranges::find_if(entries_, [](const Entry* entry) { return !entry->woken; });
    if (first == entries_.end()) return false;
    (*first)->woken = true;
    (*first)->timer.cancel();
    return true;
  }

  void wake_all() {
    for (bool woken = true; woken;) woken = wake_one();
  }

 private:
  struct Entry {
    Entry(WaitList& waiting, std::chrono::steady_clock::time_point deadline)
        : list(waiting), timer(waiting.executor_, deadline), place(list.entries_.insert(list.entries_.end(), this)) {}
    ~Entry() { list.entries_.erase(place); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    WaitList& list;
    boost::asio::steady_timer timer;
    std::list<Entry*>::iterator place;
    bool woken = false;
  };

  boost::asio::any_io_executor executor_;
  std::list<Entry*> entries_;
};

}  // namespace simplechat::runtime

// Readiness of many long-lived sockets: one level-triggered epoll set, nested in the reactor's loop as a single
// descriptor.
//
// Asio keeps some 450 bytes and a pending operation for each socket that it watches, and re-arms it with a system call
// after each wait. A chat gateway's sockets are mostly idle and live long, so they are kept here instead: an entry
// costs the kernel's own and nothing more, and one re-arming serves all sockets that were ready in a turn. See
// docs/decisions/0002-poller.md.
//
// Lives on its reactor.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>

#include "runtime/reactor.h"

namespace simplechat::runtime {

class Poller {
 public:
  struct Ready {
    bool readable;  // also when the peer has ended its direction: the next read tells
    bool writable;
    bool broken;  // reset, or ended in both directions; reported whatever the interest
  };

  class Handler {
   public:
    // May remove itself or others.
    virtual void on_ready(Ready ready) = 0;

   protected:
    ~Handler() = default;
  };

  struct Interest {
    bool readable = true;
    bool writable = false;
  };

  // Throws std::system_error if the kernel gives no epoll descriptor.
  explicit Poller(Reactor& reactor);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Watches `fd`, which stays the caller's. False, with errno set, when the kernel is out of memory or watches.
  [[nodiscard]] bool add(int fd, Handler& handler, Interest interest);
  void change(int fd, Handler& handler, Interest interest);
  // After it `handler` is not called again, not even for readiness that was already reported.
  void remove(int fd, Handler& handler);

 private:
  static constexpr int kEventsPerTurn = 256;  // more wait for the next turn: level-triggered, so none is lost

  void wait();
  void dispatch();

  boost::asio::posix::basic_stream_descriptor<Executor> epoll_;
  std::array<epoll_event, kEventsPerTurn> events_{};
  int next_ = 0;  // the events that dispatch() still has to hand out: [next_, count_)
  int count_ = 0;
};

}  // namespace simplechat::runtime

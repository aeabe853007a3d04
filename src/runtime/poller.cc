#include "runtime/poller.h"

#include <cerrno>
#include <system_error>

namespace simplechat::runtime {
namespace {

int make_epoll() {
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

epoll_event event_of(Poller::Handler& handler, Poller::Interest interest) {
  epoll_event event{};
  event.events = (interest.readable ? EPOLLIN | EPOLLRDHUP : 0U) | (interest.writable ? EPOLLOUT : 0U);
  event.data.ptr = &handler;
  return event;
}

}  // namespace

Poller::Poller(Reactor& reactor) : epoll_(reactor.executor(), make_epoll()) { wait(); }

Poller::~Poller() = default;

bool Poller::add(int fd, Handler& handler, Interest interest) {
  epoll_event event = event_of(handler, interest);
  return epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::change(int fd, Handler& handler, Interest interest) {
  epoll_event event = event_of(handler, interest);
  epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, fd, &event);  // cannot fail for a watched descriptor
}

void Poller::remove(int fd, Handler& handler) {
  epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
  for (int i = next_; i < count_; ++i) {
    if (events_[static_cast<std::size_t>(i)].data.ptr == &handler)
      events_[static_cast<std::size_t>(i)].data.ptr = nullptr;
  }
}

void Poller::wait() {
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;  // the poller is being destroyed
    dispatch();
    wait();
  });
}

void Poller::dispatch() {
  count_ = epoll_wait(epoll_.native_handle(), events_.data(), kEventsPerTurn, 0);
  for (next_ = 0; next_ < count_;) {
    const epoll_event event = events_[static_cast<std::size_t>(next_++)];
    if (event.data.ptr == nullptr) continue;  // removed by an earlier handler of this turn
    static_cast<Handler*>(event.data.ptr)
        ->on_ready({.readable = (event.events & (EPOLLIN | EPOLLRDHUP)) != 0,
                    .writable = (event.events & EPOLLOUT) != 0,
                    .broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0});
  }
  count_ = 0;
}

}  // namespace simplechat::runtime

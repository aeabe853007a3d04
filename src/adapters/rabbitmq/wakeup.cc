#include "adapters/rabbitmq/wakeup.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>

namespace simplechat::adapters::rabbitmq {

Wakeup::Wakeup() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (event_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wakeup::~Wakeup() { ::close(event_); }

void Wakeup::notify() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the thread is being woken already.
  [[maybe_unused]] const ssize_t written = ::write(event_, &one, sizeof one);
}

void Wakeup::wait(int socket, std::chrono::steady_clock::time_point deadline) {
  using std::chrono::duration_cast;
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  const auto left = std::max(duration_cast<nanoseconds>(deadline - std::chrono::steady_clock::now()), nanoseconds(0));
  const auto whole = duration_cast<seconds>(left);
  const timespec timeout{.tv_sec = static_cast<time_t>(whole.count()),
                         .tv_nsec = static_cast<long>((left - whole).count())};
  std::array<pollfd, 2> watched{pollfd{.fd = event_, .events = POLLIN, .revents = 0},
                                pollfd{.fd = socket, .events = POLLIN, .revents = 0}};  // poll skips negative ones
  ::ppoll(watched.data(), watched.size(), &timeout, nullptr);
  std::uint64_t count = 0;
  if ((watched[0].revents & POLLIN) != 0) [[maybe_unused]]
    const ssize_t cleared = ::read(event_, &count, sizeof count);
}

}  // namespace simplechat::adapters::rabbitmq

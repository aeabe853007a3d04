// How other threads wake a thread that waits for its socket.
#pragma once

#include <chrono>

namespace simplechat::adapters::rabbitmq {

class Wakeup {
 public:
  // Throws std::system_error if the kernel gives no descriptor.
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Thread-safe; a notify() before wait() counts.
  void notify();

  // Waits until notify(), until `socket` (-1: none) is readable or broken, or until the deadline.
  void wait(int socket, std::chrono::steady_clock::time_point deadline);

 private:
  int event_;
};

}  // namespace simplechat::adapters::rabbitmq

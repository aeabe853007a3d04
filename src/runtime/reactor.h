// One event loop on one thread, and the pool of them that a server process is made of.
//
// Thread per core: everything that a reactor owns (connections, sessions, outgoing batches) is touched only on its
// thread, so it needs no lock. The one thing that other threads may do is post() to it.
//
// Lifetime: the pool outlives everything that runs on it. stop() ends the loops; what is still suspended then is
// destroyed, unrun, with the pool.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace simplechat::runtime {

using Executor = boost::asio::io_context::executor_type;

class Reactor {
 public:
  explicit Reactor(unsigned index) : index_(index) {}
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  [[nodiscard]] unsigned index() const { return index_; }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] Executor executor() { return io_.get_executor(); }

  // Runs `work` on this reactor's thread. Thread-safe.
  template <class Work>
  void post(Work&& work) {
    boost::asio::post(io_, std::forward<Work>(work));
  }

 private:
  friend class ReactorPool;

  boost::asio::io_context io_{1};  // 1: one thread runs it, so handlers are queued without locking
  boost::asio::executor_work_guard<Executor> work_{io_.get_executor()};
  unsigned index_;
};

// More reactors than that are never of use, and sets of them fit one word.
inline constexpr unsigned kReactorsMax = 64;

class ReactorPool {
 public:
  // `count` reactors; 0: one per core that this process may use.
  explicit ReactorPool(unsigned count);
  ~ReactorPool();

  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(reactors_.size()); }
  [[nodiscard]] Reactor& operator[](unsigned index) { return *reactors_[index]; }

  // Starts one thread per reactor. An exception that leaves a handler ends the process: an invariant is broken.
  void start();
  // Ends the loops and joins the threads. Not from a reactor's thread.
  void stop();

 private:
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::vector<std::jthread> threads_;
};

}  // namespace simplechat::runtime

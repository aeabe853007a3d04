// What a service needs from outside, and whether it has it: the source of /readyz.
//
// A Dependency is written by the adapter that talks to it, from any thread, and read by the readiness endpoint. Being
// down is not an error of the process: it stays up, reconnects with backoff, and says so here.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace simplechat::runtime {

class Dependency {
 public:
  explicit Dependency(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }

  void up();
  // `reason`: one sentence for the person on call; no secrets.
  void down(std::string_view reason);

  struct State {
    std::string name;
    bool up;
    std::string reason;  // why it is down; empty while up
  };
  [[nodiscard]] State state() const;

 private:
  const std::string name_;
  mutable std::mutex mutex_;
  bool up_ = false;                       // guarded by mutex_
  std::string reason_ = "not tried yet";  // guarded by mutex_
};

// All dependencies of one process. Filled while the process is wired up, read afterwards. Members keep their address.
class Readiness {
 public:
  [[nodiscard]] Dependency& add(std::string name);
  [[nodiscard]] std::vector<Dependency::State> states() const;
  [[nodiscard]] std::size_t size() const { return dependencies_.size(); }
  [[nodiscard]] const Dependency& operator[](std::size_t index) const { return dependencies_[index]; }

  // The process is shutting down, or is to be left by its users: from here on it is not ready, so that load balancers
  // send nobody new. Thread-safe.
  void start_draining() { draining_ = true; }
  // It goes on after all. Thread-safe.
  void stop_draining() { draining_ = false; }
  [[nodiscard]] bool draining() const { return draining_; }

 private:
  std::deque<Dependency> dependencies_;
  std::atomic<bool> draining_ = false;
};

}  // namespace simplechat::runtime

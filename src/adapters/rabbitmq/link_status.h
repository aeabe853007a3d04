// One runtime::Dependency for several connections: it is up while all of them are.
//
// Thread-safe: each connection's thread reports its own index.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/dependency.h"

namespace simplechat::adapters::rabbitmq {

class LinkStatus {
 public:
  LinkStatus(runtime::Dependency& dependency, std::size_t connections)
      : dependency_(dependency), reasons_(connections, std::string(kNotYet)) {}

  void up(std::size_t connection) { report(connection, {}); }
  void down(std::size_t connection, std::string_view reason) { report(connection, reason); }

 private:
  static constexpr std::string_view kNotYet = "not connected yet";

  void report(std::size_t connection, std::string_view reason) {
    const std::scoped_lock lock(mutex_);
    if (reasons_[connection] == reason) return;
    reasons_[connection] = reason;
    const auto first_down = std::ranges::find_if(reasons_, [](const std::string& each) { return !each.empty(); });
    if (first_down == reasons_.end()) {
      dependency_.up();
    } else if (*first_down != kNotYet) {  // while connections are made for the first time the dependency is down anyway
      dependency_.down(*first_down);
    }
  }

  std::mutex mutex_;
  runtime::Dependency& dependency_;
  std::vector<std::string> reasons_;  // guarded by mutex_; empty: up
};

}  // namespace simplechat::adapters::rabbitmq

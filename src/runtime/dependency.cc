#include "runtime/dependency.h"

#include "runtime/log.h"

namespace simplechat::runtime {

void Dependency::up() {
  {
    const std::scoped_lock lock(mutex_);
    if (up_) return;
    up_ = true;
    reason_.clear();
  }
  log::info("dependency_up", {{"dependency", name_}});
}

void Dependency::down(std::string_view reason) {
  {
    const std::scoped_lock lock(mutex_);
    const bool news = up_ || reason_ != reason;
    up_ = false;
    reason_ = reason;
    if (!news) return;
  }
  log::warn("dependency_down", {{"dependency", name_}, {"reason", reason}});
}

Dependency::State Dependency::state() const {
  const std::scoped_lock lock(mutex_);
  return {name_, up_, reason_};
}

Dependency& Readiness::add(std::string name) { return dependencies_.emplace_back(std::move(name)); }

std::vector<Dependency::State> Readiness::states() const {
  std::vector<Dependency::State> states;
  for (const Dependency& dependency : dependencies_) states.push_back(dependency.state());
  return states;
}

}  // namespace simplechat::runtime

#include "runtime/reactor.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <string>

namespace simplechat::runtime {
namespace {

unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return std::max(1U, std::thread::hardware_concurrency());
  return std::max(1U, static_cast<unsigned>(CPU_COUNT(&set)));
}

}  // namespace

ReactorPool::ReactorPool(unsigned count) {
  if (count == 0) count = std::min(usable_cores(), kReactorsMax);
  reactors_.reserve(count);
  for (unsigned index = 0; index < count; ++index) reactors_.push_back(std::make_unique<Reactor>(index));
}

ReactorPool::~ReactorPool() { stop(); }

void ReactorPool::start() {
  for (auto& reactor : reactors_) {
    threads_.emplace_back([&io = reactor->io_, name = "reactor-" + std::to_string(reactor->index())] {
      pthread_setname_np(pthread_self(), name.c_str());
      io.run();
    });
  }
}

void ReactorPool::stop() {
  for (auto& reactor : reactors_) reactor->io_.stop();
  threads_.clear();  // joins
}

}  // namespace simplechat::runtime

#include "runtime/worker.h"

#include <pthread.h>

namespace simplechat::runtime {

Worker::Worker(std::string name, std::size_t queue_max)
    : queue_max_(queue_max), thread_([this, name = std::move(name)] { loop(name); }) {}

Worker::~Worker() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Worker::submit(std::unique_ptr<AnyTask> task) {
  {
    const std::scoped_lock lock(mutex_);
    if (!stopping_ && tasks_.size() < queue_max_) {
      tasks_.push_back(std::move(task));
      wake_.notify_one();
      return;
    }
  }
  task->refuse();
}

void Worker::loop(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) break;
    const std::unique_ptr<AnyTask> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task->execute();
    lock.lock();
  }
  for (const auto& task : tasks_) task->refuse();
  tasks_.clear();
}

}  // namespace simplechat::runtime

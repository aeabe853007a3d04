#include "adapters/memory/relay.h"

namespace simplechat::adapters::memory {

void MemoryRelay::attach(const std::string& url, Receiver receiver) {
  const std::scoped_lock lock(mutex_);
  receivers_[url] = std::make_shared<const Receiver>(std::move(receiver));
}

void MemoryRelay::detach(const std::string& url) {
  const std::scoped_lock lock(mutex_);
  receivers_.erase(url);
}

chat::Task<chat::Result<std::vector<std::size_t>>> MemoryRelay::deliver(const std::string& url,
                                                                        const chat::DeliveryBatch& batch) {
  std::shared_ptr<const Receiver> receiver;
  {
    const std::scoped_lock lock(mutex_);
    const auto entry = receivers_.find(url);
    if (entry != receivers_.end()) receiver = entry->second;
  }
  if (!receiver) co_return chat::fail(chat::ErrorCode::unavailable, "no gateway is at " + url);
  co_return co_await (*receiver)(batch);
}

}  // namespace simplechat::adapters::memory

// Gateways of one process that hand deliveries to one another without a network: for the server that is one process
// (which has nobody to hand anything to) and for the simulation, where the receiver that a gateway attaches may delay,
// lose or refuse.
//
// Thread-safe. A receiver is called on the caller's thread and executor.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "chat/relay.h"
#include "runtime/sharded_map.h"

namespace simplechat::adapters::memory {

class MemoryRelay final : public chat::Relay {
 public:
  // Takes a batch and returns the indexes of the deliveries whose user the gateway does not hold. It and `batch` live
  // until its coroutine ends.
  using Receiver = std::function<chat::Task<chat::Result<std::vector<std::size_t>>>(const chat::DeliveryBatch& batch)>;

  // From now on `receiver` is the gateway at `url`, in place of an earlier one.
  void attach(const std::string& url, Receiver receiver);
  // From now on nobody is at `url`; what is on its way to there still arrives.
  void detach(const std::string& url);

  // unavailable if nobody is at `url`.
  chat::Task<chat::Result<std::vector<std::size_t>>> deliver(const std::string& url,
                                                             const chat::DeliveryBatch& batch) override;

 private:
  std::mutex mutex_;
  runtime::StringMap<std::shared_ptr<const Receiver>> receivers_;  // guarded by mutex_; by url
};

}  // namespace simplechat::adapters::memory

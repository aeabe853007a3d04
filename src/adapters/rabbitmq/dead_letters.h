// chat::DeadLetters on RabbitMQ's dead-letter queue.
//
// Rarely used and by persons, so it keeps no connection: each call makes one on a thread of its own, takes letters
// without acking them, and puts those that were not acked back in their place before it returns. While a call is under
// way another one of the cluster sees fewer. Callable from any reactor; resumes on the caller's.
//
// Bounds: kDeadLettersMax letters and kBytesMax of bodies a call; kWaitingMax calls wait, beyond: unavailable.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/connection.h"
#include "adapters/rabbitmq/topology.h"
#include "chat/dead_letters.h"
#include "runtime/worker.h"

namespace simplechat::adapters::rabbitmq {

class RabbitDeadLetters final : public chat::DeadLetters {
 public:
  static constexpr std::size_t kBytesMax = 64UL * 1024 * 1024;

  RabbitDeadLetters(BrokerAddress address, Topology topology)
      : address_(std::move(address)), topology_(std::move(topology)) {}

  chat::Task<chat::Result<std::vector<chat::DeadLetter>>> list(std::size_t limit) override;
  chat::Task<chat::Result<std::size_t>> replay(std::span<const std::string> ids) override;

 private:
  static constexpr std::size_t kWaitingMax = 8;

  const BrokerAddress address_;
  const Topology topology_;
  runtime::Worker worker_{"dead-letters", kWaitingMax};
};

}  // namespace simplechat::adapters::rabbitmq

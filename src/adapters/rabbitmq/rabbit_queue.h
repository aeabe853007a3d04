// chat::MessageQueue on RabbitMQ: a pool of producers over partitioned quorum queues.
//
// A batch is encoded on the caller's reactor, split by conversation over the partitions, and handed to the producers,
// which join it with what others hand in. publish() ends when the broker has confirmed all of it: written to disk on a
// majority of the queue's replicas.
//
// Bound: `unconfirmed_bytes_max` of records without a confirm; beyond, publish() answers unavailable at once. Without a
// confirm for `publish_timeout` it answers unavailable, too; the broker may have taken the records, or still take them.
//
// publish() is thread-safe. The callers' executors outlive the queue. Without a broker it starts all the same, and
// `dependency` says what is wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/confirmation.h"
#include "adapters/rabbitmq/link_status.h"
#include "adapters/rabbitmq/producer.h"
#include "adapters/rabbitmq/topology.h"
#include "chat/limits.h"
#include "chat/message_queue.h"
#include "runtime/dependency.h"

namespace simplechat::adapters::rabbitmq {

class RabbitQueue final : public chat::MessageQueue {
 public:
  struct Options {
    BrokerAddress address;
    Topology topology{};
    std::string name = "sv-websocket";  // of its connections in the broker's tools
    unsigned producers = 4;             // at least 1; no more than partitions are of use, and are made
    std::size_t unconfirmed_bytes_max = chat::limits::kUnconfirmedBytesMax;
    std::chrono::milliseconds publish_timeout{5000};
    std::chrono::microseconds linger{2000};       // how long a body waits at least for more while others are under way
    runtime::MetricsRegistry* metrics = nullptr;  // outlives the queue; nullptr: nothing is counted
  };

  RabbitQueue(Options options, runtime::Dependency& dependency);
  ~RabbitQueue() override;

  chat::Task<chat::Result<void>> publish(const chat::RecordBatch& batch) override;

  // A lane is a partition: one queue, with one active consumer.
  [[nodiscard]] unsigned lanes() const override { return options_.topology.partitions(); }
  [[nodiscard]] unsigned lane_of(std::string_view from, std::string_view to) const override {
    return options_.topology.partition_of(from, to);
  }

 private:
  struct PartitionPart {
    unsigned partition;
    Part part;
  };
  [[nodiscard]] bool submit(const chat::RecordBatch& batch, std::shared_ptr<Receipt> receipt, TimePoint deadline);

  const Options options_;
  const unsigned producer_count_;
  LinkStatus status_;
  std::atomic<std::size_t> unconfirmed_bytes_ = 0;
  std::vector<std::unique_ptr<Producer>> producers_;  // partition k is queue k / count of producer k % count
};

}  // namespace simplechat::adapters::rabbitmq

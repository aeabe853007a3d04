#include "adapters/rabbitmq/rabbit_queue.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>

namespace simplechat::adapters::rabbitmq {

RabbitQueue::RabbitQueue(Options options, runtime::Dependency& dependency)
    : options_(std::move(options)),
      producer_count_(std::clamp(options_.producers, 1U, options_.topology.partitions())),
      status_(dependency, producer_count_) {
  for (unsigned index = 0; index < producer_count_; ++index) {
    std::vector<std::string> queues;
    for (unsigned partition = index; partition < options_.topology.partitions(); partition += producer_count_) {
      queues.push_back(options_.topology.queue(partition));
    }
    producers_.push_back(
        std::make_unique<Producer>(Producer::Options{.address = options_.address,
                                                     .topology = options_.topology,
                                                     .name = options_.name + " producer " + std::to_string(index),
                                                     .queues = std::move(queues),
                                                     .linger = options_.linger,
                                                     .confirm_timeout = options_.publish_timeout,
                                                     .metrics = options_.metrics},
                                   status_, index));
  }
}

RabbitQueue::~RabbitQueue() = default;

chat::Task<chat::Result<void>> RabbitQueue::publish(const chat::RecordBatch& batch) {
  if (batch.empty()) co_return chat::Result<void>{};
  const auto deadline = std::chrono::steady_clock::now() + options_.publish_timeout;
  const auto receipt = std::make_shared<Receipt>(co_await boost::asio::this_coro::executor, deadline);
  if (!submit(batch, receipt, deadline)) {
    co_return chat::fail(chat::ErrorCode::unavailable, "too much is waiting for the broker's confirm");
  }
  const auto outcome = co_await receipt->wait();
  if (!outcome) co_return chat::fail(chat::ErrorCode::unavailable, "no confirm within the deadline");
  co_return *outcome;
}

bool RabbitQueue::submit(const chat::RecordBatch& batch, std::shared_ptr<Receipt> receipt, TimePoint deadline) {
  if (unconfirmed_bytes_ + batch.messages.bytes() > options_.unconfirmed_bytes_max) return false;  // before the work
  const auto confirmation = std::make_shared<Confirmation>(std::move(receipt), unconfirmed_bytes_);
  std::vector<PartitionPart> parts;
  split(batch, options_.topology, [&](unsigned partition, std::string records, std::size_t count) {
    confirmation->expect_part(records.size());
    parts.push_back({partition, {std::move(records), count, confirmation, deadline}});
  });
  if (unconfirmed_bytes_ > options_.unconfirmed_bytes_max) return false;  // takes itself off the count again
  for (PartitionPart& each : parts) {
    producers_[each.partition % producer_count_]->submit(each.partition / producer_count_, std::move(each.part));
  }
  return true;
}

}  // namespace simplechat::adapters::rabbitmq

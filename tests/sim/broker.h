// The queue: a broker like RabbitMQ with its durable partitions, one gateway's way to publish, and one writer's end.
//
// A body is stored when it arrives, durable (and confirmed) a moment later, handed out in order to the one consumer
// that its partition has, and forgotten when that has settled it. A consumer whose connection is lost gives back what
// it had. A broker that crashes loses what was not durable, or part of it, and all connections.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message_queue.h"
#include "world.h"

namespace simplechat::sim {

// Outlives its ports.
class Broker {
 public:
  static constexpr const char* kPart = "broker";
  static constexpr std::size_t kPartitions = 4;
  static constexpr milliseconds kPublishDeadline{5000};  // as adapters/rabbitmq

  explicit Broker(World& world);

  // Down until then.
  void crash(TimePoint until);
  // The connections of the process that was there are noticed to be gone.
  void forget(const Process& process);

  [[nodiscard]] static std::size_t partition_of(std::string_view from, std::string_view to);
  Task<Result<void>> publish(const Process& gateway, const chat::RecordBatch& batch);
  [[nodiscard]] std::unique_ptr<chat::MessageSource> make_source(const Process& writer);

 private:
  class Source;

  struct Body {
    std::uint64_t serial = 0;
    std::size_t partition = 0;
    chat::RecordBatch records;
    bool durable = false;
  };
  struct Partition {
    std::deque<Body> ready;
    Source* consumer = nullptr;
    std::size_t preference = 0;  // which of the consumers would have come first
  };

  [[nodiscard]] bool down() const { return world_.now() < down_until_; }
  [[nodiscard]] static std::vector<Body> split(const chat::RecordBatch& batch);
  Task<Result<void>> store(std::vector<Body> bodies);
  void mark_durable(std::uint64_t serial);
  void settled_partition_moves(Source& newcomer);
  void give_back(Source& source);

  World& world_;
  std::vector<Partition> partitions_{kPartitions};
  std::vector<Source*> sources_;
  std::map<const Process*, TimePoint> channels_;  // when the latest publish of each arrives: they keep their order
  TimePoint down_until_{};
  std::uint64_t crashes_ = 0;
  std::uint64_t last_serial_ = 0;
};

class QueuePort final : public chat::MessageQueue {
 public:
  QueuePort(World& world, Broker& broker, const Process& process) : world_(world), broker_(broker), process_(process) {}

  Task<Result<void>> publish(const chat::RecordBatch& batch) override;
  [[nodiscard]] unsigned lanes() const override { return Broker::kPartitions; }
  [[nodiscard]] unsigned lane_of(std::string_view from, std::string_view to) const override {
    return static_cast<unsigned>(Broker::partition_of(from, to));
  }

 private:
  World& world_;
  Broker& broker_;
  const Process& process_;
};

}  // namespace simplechat::sim

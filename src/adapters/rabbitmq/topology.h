// The queues that gateways and sv-persist share, by name. Both ends declare all of them, so that neither needs the
// other to have run first. A gateway publishes to its `partitions`; a source consumes as many as there are.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "chat/ids.h"

namespace simplechat::adapters::rabbitmq {

class Topology {
 public:
  static constexpr unsigned kPartitionsDefault = 2;
  static constexpr unsigned kPartitionsMax = 256;

  explicit Topology(unsigned partitions = kPartitionsDefault, std::string prefix = "simplechat")
      : partitions_(partitions), prefix_(std::move(prefix)) {}

  [[nodiscard]] unsigned partitions() const { return partitions_; }
  // One conversation's records are all in one partition, so their order holds.
  [[nodiscard]] unsigned partition_of(std::string_view from, std::string_view to) const {
    return static_cast<unsigned>(chat::conversation_hash(from, to) % partitions_);
  }
  [[nodiscard]] std::string queue(unsigned partition) const {
    return prefix_ + ".messages." + std::to_string(partition);
  }
  // An exchange that nobody publishes to: it is there when all queues are there for good. See Connection::declare.
  [[nodiscard]] std::string ready_marker() const { return prefix_ + ".ready"; }
  // A queue that belongs to the connection that is making the others.
  [[nodiscard]] std::string setup_lock() const { return prefix_ + ".setup"; }
  // The same names, another number.
  [[nodiscard]] Topology with_partitions(unsigned partitions) const { return Topology(partitions, prefix_); }
  // Nothing is published to it: its consumers are the sources that share so many partitions, and their number is what
  // counts. Whoever adds partitions deletes it, so that its consumers count the partitions again.
  [[nodiscard]] std::string writers() const { return prefix_ + ".writers." + std::to_string(partitions_); }
  // A queue that belongs to the connection of the source that consumes the partition.
  [[nodiscard]] std::string owner(unsigned partition) const {
    return prefix_ + ".partition." + std::to_string(partition) + ".owner";
  }
  // A queue that belongs to the connection of a source that has one partition more than others. See PartitionShare.
  [[nodiscard]] std::string larger_share(unsigned index) const {
    return prefix_ + ".larger-share." + std::to_string(index);
  }
  // What could not be read or stored, with the headers x-simplechat-reason and x-simplechat-queue.
  [[nodiscard]] std::string dead_letter_queue() const { return prefix_ + ".dead"; }

 private:
  unsigned partitions_;
  std::string prefix_;
};

}  // namespace simplechat::adapters::rabbitmq

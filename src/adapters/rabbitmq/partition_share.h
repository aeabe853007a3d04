// The partitions that one source consumes, of all that there are: its share, among all sources of the cluster.
//
// Every source consumes from the queue of the writers, so that each of them sees by its number of consumers how many
// share. With W sources and P partitions a source has P / W of them, and the first P % W sources to claim a larger
// share have one more. What a source has too much it gives back, and what nobody consumes is taken by those who have
// too little. A source owns a partition, or a claim, by holding an exclusive queue, which ends with its connection; so
// what a source had that died is free as soon as the broker knows.
//
// Giving back closes the partition's channel, by which the broker puts everything that is not acked back in its place
// before the next consumer gets anything (single active consumer): it is stored again, in order, by the next one.
//
// Lives on the source's thread, as long as one connection.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "adapters/rabbitmq/connection.h"
#include "adapters/rabbitmq/topology.h"

namespace simplechat::adapters::rabbitmq {

class PartitionShare {
 public:
  static constexpr unsigned kLooksMax = 16;           // at partitions, for a free one, in one balance()
  static constexpr unsigned kUncountedLooksMax = 10;  // beyond, the connection counts as lost

  // `prefetch`: bodies of a partition that the broker sends before the first is acked.
  PartitionShare(Connection& connection, const Topology& topology, std::uint16_t prefetch)
      : connection_(connection), topology_(topology), prefetch_(prefetch) {}

  // Finds the partitions, those of the topology and those beyond that somebody else has made, makes the queues that are
  // missing, and becomes one of the writers. Once, before balance().
  [[nodiscard]] Outcome join();

  // Looks at the number of writers, and takes or gives back. A pump() follows before the next one.
  [[nodiscard]] Outcome balance();

  // Ascending by when they were taken.
  [[nodiscard]] const std::vector<unsigned>& partitions() const { return held_; }
  [[nodiscard]] bool holds(ConsumerChannel channel) const;
  // Something is free for it, or soon will be.
  [[nodiscard]] bool wants_more() const { return held_.size() < entitled_; }

 private:
  using Granted = std::expected<bool, std::string>;

  [[nodiscard]] static ConsumerChannel channel_of(unsigned partition);
  [[nodiscard]] Outcome find_partitions();
  [[nodiscard]] std::expected<std::uint32_t, std::string> count_writers();
  [[nodiscard]] std::expected<QueueState, std::string> look_at(unsigned partition);
  [[nodiscard]] Granted claim_larger_share();
  [[nodiscard]] Outcome drop_void_claim();
  [[nodiscard]] Outcome give_back();
  [[nodiscard]] Outcome take_free();
  [[nodiscard]] Granted take_if_free(unsigned partition);

  Connection& connection_;
  Topology topology_;  // with all partitions that there are
  const std::uint16_t prefetch_;

  unsigned larger_shares_ = 0;            // that there are: P % W
  unsigned entitled_ = 0;                 // to so many partitions
  std::vector<unsigned> held_;            // its own
  std::optional<unsigned> larger_share_;  // its own claim
  unsigned uncounted_looks_ = 0;          // in a row, at the writers
  unsigned next_look_ = 0;                // at this partition
};

}  // namespace simplechat::adapters::rabbitmq

#include "adapters/rabbitmq/partition_share.h"

#include <algorithm>
#include <random>

#include "runtime/log.h"

namespace simplechat::adapters::rabbitmq {
namespace {

constexpr ConsumerChannel kWriterChannel = Connection::kConsumerChannelFirst;
constexpr ConsumerChannel kPartitionChannelFirst = kWriterChannel + 1;
static_assert(kPartitionChannelFirst + Topology::kPartitionsMax <= Connection::kChannelMax);

}  // namespace

ConsumerChannel PartitionShare::channel_of(unsigned partition) {
  return static_cast<ConsumerChannel>(kPartitionChannelFirst + partition);
}

bool PartitionShare::holds(ConsumerChannel channel) const {
  return std::ranges::find(held_, channel, channel_of) != held_.end();
}

// A partition that is added after the last look here deletes the queue that this connection consumes from.
Outcome PartitionShare::join() {
  const unsigned configured = topology_.partitions();
  if (auto outcome = find_partitions(); !outcome) return outcome;
  const unsigned partitions = topology_.partitions();
  if (auto outcome = connection_.declare(topology_, Party::writer); !outcome) return outcome;
  if (auto outcome = connection_.consume(kWriterChannel, topology_.writers(), prefetch_); !outcome) return outcome;
  if (auto outcome = find_partitions(); !outcome) return outcome;
  if (topology_.partitions() != partitions) return std::unexpected("partitions are being added");
  if (partitions > configured) {
    runtime::log::warn("partitions_beyond_the_configured", {{"configured", configured}, {"found", partitions}});
  }
  std::random_device random;
  next_look_ = random() % partitions;  // others begin elsewhere
  return {};
}

Outcome PartitionShare::find_partitions() {
  unsigned partitions = topology_.partitions();
  while (partitions < Topology::kPartitionsMax) {
    const auto found = connection_.look_at(topology_.queue(partitions));
    if (!found) return std::unexpected(found.error());
    if (!*found) break;
    ++partitions;
  }
  topology_ = topology_.with_partitions(partitions);
  return {};
}

Outcome PartitionShare::balance() {
  // Its highest partition may have been deleted; then they are counted again, on a new connection.
  const auto last = look_at(topology_.partitions() - 1);
  if (!last) return std::unexpected(last.error());
  const auto writers = count_writers();
  if (!writers) return std::unexpected(writers.error());
  if (*writers == 0) return {};
  const unsigned share = topology_.partitions() / *writers;
  larger_shares_ = topology_.partitions() % *writers;
  if (auto outcome = drop_void_claim(); !outcome) return outcome;
  if (held_.size() > share && larger_shares_ > 0) {
    if (const auto claimed = claim_larger_share(); !claimed) return std::unexpected(claimed.error());
  }
  entitled_ = larger_share_ ? share + 1 : share;
  while (held_.size() > entitled_) {
    if (auto outcome = give_back(); !outcome) return outcome;
  }
  const bool may_take = wants_more() || (held_.size() == share && larger_shares_ > 0);
  return may_take ? take_free() : Outcome{};
}

// None: the broker does not know, as while it elects a leader. If that lasts, this connection is not among them.
std::expected<std::uint32_t, std::string> PartitionShare::count_writers() {
  const auto found = connection_.look_at(topology_.writers());
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::unexpected("queue " + topology_.writers() + " is missing");
  uncounted_looks_ = (*found)->consumers > 0 ? 0 : uncounted_looks_ + 1;
  if (uncounted_looks_ > kUncountedLooksMax) return std::unexpected("not counted among the writers");
  return (*found)->consumers;
}

std::expected<QueueState, std::string> PartitionShare::look_at(unsigned partition) {
  const auto found = connection_.look_at(topology_.queue(partition));
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::unexpected("queue " + topology_.queue(partition) + " is missing");
  return **found;
}

// A claim counts only while there are so many larger shares.
Outcome PartitionShare::drop_void_claim() {
  if (!larger_share_ || *larger_share_ < larger_shares_) return {};
  const unsigned claim = *larger_share_;
  larger_share_.reset();
  return connection_.unlock(topology_.larger_share(claim));
}

PartitionShare::Granted PartitionShare::claim_larger_share() {
  for (unsigned claim = 0; claim < larger_shares_ && !larger_share_; ++claim) {
    const auto locked = connection_.lock(topology_.larger_share(claim));
    if (!locked) return locked;
    if (*locked) larger_share_ = claim;
  }
  return larger_share_.has_value();
}

Outcome PartitionShare::give_back() {
  const unsigned partition = held_.back();
  held_.pop_back();
  if (auto outcome = connection_.stop_consuming(channel_of(partition)); !outcome) return outcome;
  runtime::log::info("partition_given_back", {{"queue", topology_.queue(partition)}});
  return connection_.unlock(topology_.owner(partition));
}

Outcome PartitionShare::take_free() {
  for (unsigned looks = 0; looks < std::min(topology_.partitions(), kLooksMax); ++looks) {
    const unsigned partition = next_look_;
    next_look_ = (next_look_ + 1) % topology_.partitions();
    if (std::ranges::find(held_, partition) != held_.end()) continue;
    const auto state = look_at(partition);
    if (!state) return std::unexpected(state.error());
    if (state->consumers > 0) continue;
    if (!wants_more()) {
      const auto claimed = claim_larger_share();
      if (!claimed) return std::unexpected(claimed.error());
      if (!*claimed) return {};
      ++entitled_;
    }
    if (const auto taken = take_if_free(partition); !taken) return std::unexpected(taken.error());
    if (held_.size() == entitled_) return {};
  }
  return {};
}

PartitionShare::Granted PartitionShare::take_if_free(unsigned partition) {
  const auto locked = connection_.lock(topology_.owner(partition));
  if (!locked || !*locked) return locked;
  held_.push_back(partition);
  if (auto outcome = connection_.consume(channel_of(partition), topology_.queue(partition), prefetch_); !outcome) {
    return std::unexpected(outcome.error());
  }
  runtime::log::info("partition_taken", {{"queue", topology_.queue(partition)}});
  return true;
}

}  // namespace simplechat::adapters::rabbitmq

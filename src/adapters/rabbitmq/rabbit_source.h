// chat::MessageSource on RabbitMQ: consumes its share of the partitions of the queue (PartitionShare) and parses their
// bodies on a thread of its own.
//
// receive() gives what has arrived, bodies joined up to limits::kBatchRecordsMax and kBatchBytesMax (a single body that
// is larger comes alone). The broker sends `prefetch` bodies of a queue before the first is settled, so that many wait
// here at most. All sources of the cluster share the partitions; when one joins or goes, the others give back or take
// over within about `look_interval`. What was received of a partition that was given back is received again by the
// next source that has it, settled or not.
//
// A body that cannot be read goes to the dead-letter queue, with the reason, and is acked once that is confirmed; the
// rest flows on meanwhile. Dead letters travel on a connection of their own, because a broker that is short of memory
// or disk blocks the connections that publish, and that must not hold up acks.
//
// When the connection is lost, receive() answers unavailable once, and settle() does for the tokens of that connection,
// whose records will all be received again; the source meanwhile connects again by itself, with backoff.
//
// receive(), settle() and dead_letter() are called from one reactor, which outlives the source; a receive() is not
// destroyed while it waits but by its reactor's end or by cancellation. Without a broker it starts all the same, and
// `dependency` says what is wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "adapters/rabbitmq/backoff.h"
#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/connection.h"
#include "adapters/rabbitmq/link_status.h"
#include "adapters/rabbitmq/partition_share.h"
#include "adapters/rabbitmq/producer.h"
#include "adapters/rabbitmq/topology.h"
#include "adapters/rabbitmq/wakeup.h"
#include "chat/message_queue.h"
#include "runtime/dependency.h"
#include "runtime/reply.h"
#include "wire/queue_body.h"

namespace simplechat::adapters::rabbitmq {

class RabbitSource final : public chat::MessageSource, private ConnectionHandler {
 public:
  struct Options {
    BrokerAddress address;
    Topology topology{};
    std::string name = "sv-persist";  // of its connections in the broker's tools
    std::uint16_t prefetch = 64;      // bodies of a queue; many, because bodies of many quiet gateways are small
    std::chrono::milliseconds dead_letter_timeout{5000};
    // How often to see how many share the partitions; while this source has fewer than its share, five times as often.
    std::chrono::milliseconds look_interval{500};
    wire::QueueDefaults defaults;  // for messages that came without id or time; called on the source's thread
  };

  RabbitSource(Options options, runtime::Dependency& dependency);
  ~RabbitSource() override;
  RabbitSource(const RabbitSource&) = delete;
  RabbitSource& operator=(const RabbitSource&) = delete;

  chat::Task<chat::Result<Received>> receive() override;
  chat::Task<chat::Result<void>> settle(std::uint64_t token) override;
  chat::Task<chat::Result<void>> dead_letter(const chat::RecordBatch& records, std::string_view reason) override;

  // That it consumes at the moment. Thread-safe.
  [[nodiscard]] std::vector<unsigned> partitions() const;

 private:
  using Wake = runtime::Reply<bool>;
  class LetterObserver;

  static constexpr std::size_t kReasonBytesMax = 1000;
  static constexpr std::chrono::seconds kLetterRetryInterval{1};

  // Bodies are numbered from 1 as they arrive on a connection; a token is made of such a number.
  struct Unsettled {
    std::uint64_t number;
    DeliveryTag tag;
  };
  // A body that cannot be read, until the dead-letter queue has it.
  struct Unreadable {
    DeliveryTag tag;
    std::string body;
    std::string queue;
    std::string reason;
    std::optional<TimePoint> retry_at;  // after the dead-letter queue did not take it
  };
  struct LetterOutcome {
    std::uint64_t token;
    bool kept;
  };

  [[nodiscard]] std::optional<chat::Result<Received>> take(std::shared_ptr<Wake> wake);
  [[nodiscard]] std::uint64_t token_of(std::uint64_t number) const;

  // On the thread.
  void run();
  void connect(TimePoint now);
  [[nodiscard]] Outcome open();
  [[nodiscard]] Outcome work(TimePoint now);
  [[nodiscard]] Outcome balance(TimePoint now);
  void lose(const std::string& reason, TimePoint now);
  void hand_over(chat::RecordBatch& records, DeliveryTag tag);
  void wake_receiver();
  [[nodiscard]] Outcome ack_settled();
  [[nodiscard]] Outcome ack_up_to(std::uint64_t number);
  [[nodiscard]] Outcome ack_all_but_unreadable(ConsumerChannel channel, const std::vector<std::uint64_t>& tags);
  [[nodiscard]] Outcome ack_letters(TimePoint now);
  void send_letter(std::uint64_t number, Unreadable& unreadable, TimePoint now);

  void on_delivery(DeliveryTag tag, const std::string& queue, std::string_view body) override;

  const Options options_;
  LinkStatus status_;
  Wakeup wakeup_;

  // The thread's own.
  wire::QueueBodyParser parser_;
  chat::RecordBatch parsed_;
  std::uint64_t last_number_ = 0;
  std::deque<Unsettled> unsettled_;                 // what was handed over, ascending
  std::map<std::uint64_t, Unreadable> unreadable_;  // by number
  std::vector<DeliveryTag> empty_;                  // of bodies without a record
  std::optional<PartitionShare> share_;             // of this connection
  TimePoint next_look_;
  bool connected_ = false;
  Backoff backoff_;
  TimePoint next_attempt_;

  mutable std::mutex mutex_;  // guards what follows up to stopping_
  std::deque<Received> ready_;
  std::optional<std::string> lost_reason_;  // not told to receive() yet
  std::shared_ptr<Wake> wake_;
  std::uint64_t epoch_ = 0;  // of the connection, counted up when it is lost; written by the thread
  std::uint64_t settled_token_ = 0;
  std::vector<LetterOutcome> letter_outcomes_;
  std::vector<unsigned> partitions_;
  std::unique_ptr<Connection> connection_;  // replaced under mutex_, used by the thread
  bool opening_ = false;
  bool stopping_ = false;

  std::atomic<std::size_t> unconfirmed_letter_bytes_ = 0;
  std::unique_ptr<Producer> letters_;
  std::thread thread_;
};

}  // namespace simplechat::adapters::rabbitmq

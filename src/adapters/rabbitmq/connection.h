// One connection to RabbitMQ, on librabbitmq: opens, declares, publishes, acks, and turns the frames that have arrived
// into calls of its handler. Calls and publishes go over one channel, and each consumer has a channel of its own.
//
// Lives on one thread, which it blocks only in calls that the broker answers, each within kCallTimeout a step, and in
// publish() and ack() while the broker does not read. interrupt() may be called from elsewhere and ends all of them.
// Never reconnects: after any error it is of no more use, and its owner makes a new one.
#pragma once

#include <amqp.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/rabbitmq/body_assembler.h"
#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/topology.h"

namespace simplechat::adapters::rabbitmq {

// The error is one sentence for the person on call: why the connection is of no more use.
using Outcome = std::expected<void, std::string>;

using ConsumerChannel = std::uint16_t;

// A delivery's name on its connection; a channel numbers its own, ascending.
struct DeliveryTag {
  ConsumerChannel channel;
  std::uint64_t number;
};

// Whom the queues are declared for.
enum class Party : std::uint8_t { publisher, writer };

struct QueueState {
  std::uint32_t messages;   // without those that are on their way to a consumer
  std::uint32_t consumers;  // of a queue with a single active one: the active one, or one that has left acks open
};

class ConnectionHandler {
 public:
  // Publishes are numbered from 1 in the order of publish(); `multiple`: this one and all before it.
  virtual void on_confirmed(std::uint64_t /*number*/, bool /*multiple*/) {}
  virtual void on_refused(std::uint64_t /*number*/, bool /*multiple*/) {}
  virtual void on_delivery(DeliveryTag /*tag*/, const std::string& /*queue*/, std::string_view /*body*/) {}
  // The broker has stopped reading what is published, for want of memory or disk; and goes on.
  virtual void on_blocked(std::string_view /*reason*/) {}
  virtual void on_unblocked() {}

 protected:
  ~ConnectionHandler() = default;
};

class Connection {
 public:
  static constexpr std::chrono::seconds kCallTimeout{5};
  static constexpr int kHeartbeatSeconds = 10;
  static constexpr ConsumerChannel kConsumerChannelFirst = 2;
  static constexpr ConsumerChannel kChannelMax = 2047;  // what a broker allows that is not told otherwise
  // pump() must be called this often: only it answers heartbeats.
  static constexpr std::chrono::seconds kPumpInterval{1};

  // `name` is shown by the broker's tools.
  Connection(ConnectionHandler& handler, std::string name) : handler_(handler), name_(std::move(name)) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Outcome open(const BrokerAddress& address);
  // Makes the queues of the topology that are missing, durable and replicated; those that are there already must be the
  // same.
  //
  // RabbitMQ (seen with 3.10) answers a declare while another connection is still making the same quorum queue, and
  // then confirms and loses what is published before that is done. So only one connection at a time makes queues, and
  // the others go by a marker that it takes away before and puts back after. It deletes the queues of the writers that
  // share fewer partitions, and makes the one of this topology if it is for a writer.
  Outcome declare(const Topology& topology, Party party);
  // Nothing if there is no such queue, which the broker logs as an error.
  std::expected<std::optional<QueueState>, std::string> look_at(const std::string& queue);
  // Makes a queue that belongs to this connection and ends with it. False if it is another connection's, which the
  // broker logs as an error.
  std::expected<bool, std::string> lock(const std::string& queue);
  Outcome unlock(const std::string& queue);
  // From now on publishes are confirmed.
  Outcome confirm_publishes();
  // Deliveries begin to arrive, at most `prefetch` that are not acked. `channel` has no consumer yet.
  Outcome consume(ConsumerChannel channel, const std::string& queue, std::uint16_t prefetch);
  // What is not acked goes back to the queue, in its place, before the next consumer gets anything. Deliveries of the
  // channel that have arrived before may still be handed out by the next pump().
  Outcome stop_consuming(ConsumerChannel channel);

  // Persistent. If `queue` is missing the connection ends with an error, instead of a confirm that means nothing.
  Outcome publish(const std::string& queue, const Body& body);
  // The oldest message of the queue, if there is one. Until it is acked, put back, or the connection ends, nobody else
  // gets it.
  struct Got {
    DeliveryTag tag;
    std::size_t left;  // behind it in the queue
    std::string body;
    std::string reason;      // the dead letters' headers; empty if absent
    std::string from_queue;  // the queue that it was in before, also if the broker itself moved it
  };
  std::expected<std::optional<Got>, std::string> get(const std::string& queue);
  // What was got and is not acked is in its place again when this returns. Ending the connection puts it back too, but
  // some time after.
  Outcome put_back();
  // `multiple`: this delivery and all of its channel before it.
  Outcome ack(DeliveryTag tag, bool multiple);

  // Handles every frame that has arrived, without waiting.
  Outcome pump();
  // To wait for before pump().
  [[nodiscard]] int socket() const { return amqp_get_sockfd(state_.get()); }

  // Lets the broker know, so that what is acked is acked and what is not goes to others at once.
  void close();
  // Cuts the connection: what is under way on it fails. Thread-safe.
  void interrupt();

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t state) const { amqp_destroy_connection(state); }
  };
  // A delivery or a returned body whose frames are arriving.
  struct Content {
    std::uint64_t tag = 0;
    std::string queue;
    std::string body;
    std::uint64_t bytes_left = 0;
  };

  // Whether all queues are there and nobody is making one.
  std::expected<bool, std::string> is_ready(const Topology& topology, Party party);
  std::expected<bool, std::string> was_granted(std::uint16_t refusal, std::string_view what);
  Outcome declare_queues(const Topology& topology);
  Outcome declare_queue(const std::string& name, const amqp_table_t& arguments);
  Outcome delete_queue(const std::string& queue);
  Outcome make_queues(const Topology& topology, Party party);
  Outcome renew_writers(const Topology& topology, Party party);
  Outcome open_channel(amqp_channel_t channel);
  // Verifies the broker, as the address says.
  std::expected<amqp_socket_t*, std::string> make_tls_socket(const BrokerAddress& address);
  Outcome log_in(const BrokerAddress& address);
  Outcome handle(const amqp_frame_t& frame);
  Outcome handle_method(amqp_channel_t channel, const amqp_method_t& method);
  void finish_content(amqp_channel_t channel, const Content& content);
  // The outcome of the last call, `what` being its name for a person.
  Outcome outcome_of(const amqp_rpc_reply_t& reply, std::string_view what);
  Outcome outcome_of(int status, std::string_view what);

  ConnectionHandler& handler_;
  const std::string name_;
  std::unique_ptr<std::remove_pointer_t<amqp_connection_state_t>, Destroy> state_;
  std::map<amqp_channel_t, Content> contents_;

  std::mutex interrupt_mutex_;
  bool interrupted_ = false;  // guarded by interrupt_mutex_
  int interrupt_socket_ =
      -1;  // guarded by interrupt_mutex_; a second descriptor of the socket, which the library may close
};

}  // namespace simplechat::adapters::rabbitmq

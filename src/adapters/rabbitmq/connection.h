// One connection to RabbitMQ with one channel, on librabbitmq: opens, declares, publishes, acks, and turns the frames
// that have arrived into calls of its handler.
//
// Lives on one thread, which it blocks only in open(), declare() and consume(), each within kCallTimeout a step, and in
// publish() and ack() while the broker does not read. interrupt() may be called from elsewhere and ends all of them.
// Never reconnects: after any error it is of no more use, and its owner makes a new one.
#pragma once

#include <amqp.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/rabbitmq/body_assembler.h"
#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/topology.h"

namespace simplechat::adapters::rabbitmq {

// The error is one sentence for the person on call: why the connection is of no more use.
using Outcome = std::expected<void, std::string>;

class ConnectionHandler {
 public:
  // Publishes are numbered from 1 in the order of publish(); `multiple`: this one and all before it.
  virtual void on_confirmed(std::uint64_t /*number*/, bool /*multiple*/) {}
  virtual void on_refused(std::uint64_t /*number*/, bool /*multiple*/) {}
  virtual void on_delivery(std::uint64_t /*tag*/, const std::string& /*queue*/, std::string_view /*body*/) {}
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
  // the others go by a marker that it takes away before and puts back after.
  Outcome declare(const Topology& topology);
  // From now on publishes are confirmed.
  Outcome confirm_publishes();
  // Deliveries begin to arrive, at most `prefetch` that are not acked. Only one of a queue's consumers is active, the
  // others stand by.
  Outcome consume(const std::string& queue, std::uint16_t prefetch);

  // Persistent. If `queue` is missing the connection ends with an error, instead of a confirm that means nothing.
  Outcome publish(const std::string& queue, const Body& body);
  // `multiple`: this delivery and all before it.
  Outcome ack(std::uint64_t tag, bool multiple);

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
  std::expected<bool, std::string> is_ready(const Topology& topology);
  std::expected<bool, std::string> was_found();
  Outcome declare_queues(const Topology& topology);
  Outcome declare_queue(const std::string& name, const amqp_table_t& arguments);
  Outcome make_queues(const Topology& topology);
  Outcome open_channel();
  Outcome log_in(const BrokerAddress& address);
  Outcome handle(const amqp_frame_t& frame);
  Outcome handle_method(const amqp_method_t& method);
  void finish_content();
  // The outcome of the last call, `what` being its name for a person.
  Outcome outcome_of(const amqp_rpc_reply_t& reply, std::string_view what);
  Outcome outcome_of(int status, std::string_view what);

  ConnectionHandler& handler_;
  const std::string name_;
  std::unique_ptr<std::remove_pointer_t<amqp_connection_state_t>, Destroy> state_;
  Content content_;

  std::mutex interrupt_mutex_;
  bool interrupted_ = false;  // guarded by interrupt_mutex_
  int interrupt_socket_ =
      -1;  // guarded by interrupt_mutex_; a second descriptor of the socket, which the library may close
};

}  // namespace simplechat::adapters::rabbitmq

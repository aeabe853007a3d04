// For tests: the real broker whose address SIMPLECHAT_TEST_MQ_URL holds, queues of one test's own on it, and what a
// person could do to them with the broker's tools.
#pragma once

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/rabbit_source.h"
#include "adapters/rabbitmq/topology.h"

namespace simplechat::adapters::rabbitmq {

inline BrokerAddress test_broker() {
  const char* const url = std::getenv("SIMPLECHAT_TEST_MQ_URL");  // NOLINT(concurrency-mt-unsafe)
  if (url == nullptr) throw std::runtime_error("SIMPLECHAT_TEST_MQ_URL is not set: amqp://user:password@host:port");
  const auto address = parse_broker_url(url);
  if (!address) throw std::runtime_error("SIMPLECHAT_TEST_MQ_URL: " + address.error());
  return *address;
}

// Waits for another thread or process to do something. Throws, which fails the test, after contract::kTestDeadline.
inline void wait_until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + contract::kTestDeadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline)
      throw std::runtime_error("what the test waits for did not happen");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

inline wire::QueueDefaults test_defaults() {
  return {.make_id = [] { return std::string("made-id"); }, .now = [] { return chat::Timestamp{1234}; }};
}

// Queues with names that no other test uses, deleted again at the end; and a plain blocking client.
class TestBroker {
 public:
  static constexpr unsigned kPartitions = 2;
  static constexpr unsigned kPartitionsMax = 8;  // of all topologies of a test

  TestBroker() : address_(test_broker()), topology_(kPartitions, unique_prefix()), connection_(amqp_new_connection()) {
    amqp_socket_t* const socket = amqp_tcp_socket_new(connection_);
    check(amqp_socket_open(socket, address_.host.c_str(), address_.port) == AMQP_STATUS_OK, "connect");
    constexpr int kFrameMax = 128 * 1024;
    check(amqp_login(connection_, address_.vhost.c_str(), 0, kFrameMax, 0, AMQP_SASL_METHOD_PLAIN,
                     address_.user.c_str(), address_.password.c_str())
                  .reply_type == AMQP_RESPONSE_NORMAL,
          "log in");
    amqp_channel_open(connection_, kChannel);
    check_reply("open a channel");
  }
  ~TestBroker() {
    for (unsigned partition = 0; partition < kPartitionsMax; ++partition) {
      delete_queue(topology_.queue(partition));
      delete_queue(topology_.with_partitions(partition + 1).writers());
    }
    delete_queue(topology_.dead_letter_queue());
    amqp_exchange_delete(connection_, kChannel, bytes(topology_.ready_marker()), 0);
    amqp_destroy_connection(connection_);
  }
  TestBroker(const TestBroker&) = delete;
  TestBroker& operator=(const TestBroker&) = delete;

  [[nodiscard]] const BrokerAddress& address() const { return address_; }
  [[nodiscard]] const Topology& topology() const { return topology_; }
  // The same queues, but so many partitions.
  [[nodiscard]] Topology topology(unsigned partitions) const { return topology_.with_partitions(partitions); }

  void delete_queue(const std::string& queue) {
    amqp_queue_delete(connection_, kChannel, bytes(queue), 0, 0);
    check_reply("delete a queue");
  }
  // A queue as nobody here would declare it.
  void declare_classic_queue(const std::string& queue) {
    amqp_queue_declare(connection_, kChannel, bytes(queue), 0, 1, 0, 0, amqp_empty_table);
    check_reply("declare a queue");
  }
  void publish(const std::string& queue, std::string_view body) {
    check(amqp_basic_publish(connection_, kChannel, amqp_empty_bytes, bytes(queue), 0, 0, nullptr, bytes(body)) ==
              AMQP_STATUS_OK,
          "publish");
  }

  struct Letter {
    std::string body;
    std::string reason;
    std::string from_queue;
  };
  std::optional<Letter> take_dead_letter() {
    const amqp_rpc_reply_t reply =
        amqp_basic_get(connection_, kChannel, bytes(topology_.dead_letter_queue()), /*no_ack=*/1);
    check(reply.reply_type == AMQP_RESPONSE_NORMAL, "get");
    if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return std::nullopt;
    amqp_message_t message{};
    check(amqp_read_message(connection_, kChannel, &message, 0).reply_type == AMQP_RESPONSE_NORMAL, "read");
    Letter letter{.body = text(message.body),
                  .reason = header(message.properties, "x-simplechat-reason"),
                  .from_queue = header(message.properties, "x-simplechat-queue")};
    EXPECT_EQ(message.properties.delivery_mode, 2) << "a dead letter must survive the broker's restart";
    amqp_destroy_message(&message);
    amqp_maybe_release_buffers(connection_);
    return letter;
  }
  std::vector<Letter> take_dead_letters(std::size_t count) {
    std::vector<Letter> letters;
    wait_until([&] {
      while (auto letter = take_dead_letter()) letters.push_back(*std::move(letter));
      return letters.size() >= count;
    });
    return letters;
  }

  // Messages that wait in all partitions, without those that are on their way to a consumer.
  std::size_t waiting(unsigned partitions = kPartitions) {
    std::size_t messages = 0;
    for (unsigned partition = 0; partition < partitions; ++partition) {
      const auto* declared = amqp_queue_declare(connection_, kChannel, bytes(topology_.queue(partition)), /*passive=*/1,
                                                1, 0, 0, amqp_empty_table);
      check(declared != nullptr, "look at a queue");
      messages += declared->message_count;
    }
    return messages;
  }

 private:
  static constexpr amqp_channel_t kChannel = 1;

  static std::string unique_prefix() {
    static std::atomic<int> count = 0;
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return "test." + std::to_string(::getpid()) + "." + std::to_string(now) + "." + std::to_string(++count);
  }
  static void check(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string("the test's own client cannot ") + what);
  }
  void check_reply(const char* what) {
    check(amqp_get_rpc_reply(connection_).reply_type == AMQP_RESPONSE_NORMAL, what);
    amqp_maybe_release_buffers(connection_);
  }
  static amqp_bytes_t bytes(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
  static std::string text(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }
  static std::string header(const amqp_basic_properties_t& properties, std::string_view name) {
    if ((properties._flags & AMQP_BASIC_HEADERS_FLAG) == 0) return {};
    for (int i = 0; i < properties.headers.num_entries; ++i) {
      const amqp_table_entry_t& entry = properties.headers.entries[i];
      if (text(entry.key) == name) return text(entry.value.value.bytes);
    }
    return {};
  }

  const BrokerAddress address_;
  const Topology topology_;
  amqp_connection_state_t connection_;
};

}  // namespace simplechat::adapters::rabbitmq

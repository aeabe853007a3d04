// How RabbitSources share the partitions among themselves, and what becomes of records while they do, and while the
// number of partitions changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "adapters/contract/queue_fixture.h"
#include "adapters/rabbitmq/rabbit_queue.h"
#include "adapters/rabbitmq/rabbit_source.h"
#include "adapters/rabbitmq/test_broker.h"
#include "adapters/rabbitmq/test_proxy.h"

namespace simplechat::adapters::rabbitmq {
namespace {

using contract::one_message;
using namespace std::chrono_literals;

void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

// What all writers of a test share: a store that knows each message once.
struct Store {
  std::map<std::string, std::vector<int>> first_seen;  // the ids of each sender, in the order of storing
  std::set<std::pair<std::string, std::string>> seen;
  std::size_t stored = 0;

  void append(const chat::RecordBatch& records) {
    for (const chat::MessageView& message : records.messages) {
      if (!seen.emplace(message.from, message.id).second) continue;
      first_seen[std::string(message.from)].push_back(std::stoi(std::string(message.id)));
      ++stored;
    }
  }
};

// A consumer of sv-persist: a source, and what brings its records into the store and settles them. Its commits take as
// long as the test says, so that there is always something received and not settled.
class Writer {
 public:
  Writer(boost::asio::io_context& io, Store& store, const BrokerAddress& address, const Topology& topology)
      : io_(io),
        store_(store),
        source_({.address = address, .topology = topology, .look_interval = 50ms, .defaults = test_defaults()},
                dependency_) {
    boost::asio::co_spawn(
        io_, run(),
        boost::asio::bind_cancellation_slot(cancel_.slot(), [this](const std::exception_ptr&) { ended_ = true; }));
  }
  // As a process that ends: what it has received and not settled goes back to the queue.
  ~Writer() {
    stopping_ = true;
    cancel_.emit(boost::asio::cancellation_type::terminal);
    wait_until([this] {
      io_.restart();
      io_.poll();
      return ended_;
    });
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] std::vector<unsigned> partitions() const { return source_.partitions(); }
  [[nodiscard]] int connections_lost() const { return connections_lost_; }

 private:
  chat::Task<void> run() {
    boost::asio::steady_timer commit(io_);
    while (!stopping_) {
      const auto received = co_await source_.receive();
      if (!received) {
        ++connections_lost_;
        continue;
      }
      commit.expires_after(2ms);
      co_await commit.async_wait(boost::asio::use_awaitable);
      store_.append(received->records);
      // Refused after its connection was lost: then everything comes again, which the store expects.
      [[maybe_unused]] const auto settled = co_await source_.settle(received->token);
    }
  }

  boost::asio::io_context& io_;
  Store& store_;
  runtime::Dependency dependency_{"rabbitmq"};
  boost::asio::cancellation_signal cancel_;
  int connections_lost_ = 0;
  bool stopping_ = false;
  bool ended_ = false;
  RabbitSource source_;
};

// A gateway: some senders, each of which sends one message after the other, the next once the one before is confirmed.
class Sender {
 public:
  Sender(boost::asio::io_context& io, const BrokerAddress& address, const Topology& topology, const std::string& name)
      : io_(io), queue_({.address = address, .topology = topology, .publish_timeout = 60s}, dependency_) {
    for (int i = 0; i < kSenders; ++i) {
      names_.push_back(name + std::to_string(i));
      boost::asio::co_spawn(io_, run(names_.back()), rethrow);
    }
  }
  ~Sender() { stop(); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // What is under way is confirmed first.
  void stop() {
    stopping_ = true;
    wait_until([this] {
      io_.restart();
      io_.poll();
      return running_ == 0;
    });
  }
  [[nodiscard]] const std::map<std::string, int>& sent() const { return sent_; }
  [[nodiscard]] int total() const {
    return std::accumulate(sent_.begin(), sent_.end(), 0, [](int sum, const auto& each) { return sum + each.second; });
  }

 private:
  static constexpr int kSenders = 8;

  chat::Task<void> run(std::string from) {
    ++running_;
    while (!stopping_) {
      const chat::RecordBatch batch = one_message(std::to_string(sent_[from]), from, "peer");
      const auto outcome = co_await queue_.publish(batch);
      EXPECT_TRUE(outcome.has_value()) << outcome.error().message;
      ++sent_[from];
    }
    --running_;
  }

  boost::asio::io_context& io_;
  runtime::Dependency dependency_{"rabbitmq"};
  RabbitQueue queue_;
  std::vector<std::string> names_;
  std::map<std::string, int> sent_;
  int running_ = 0;
  bool stopping_ = false;
};

class RabbitShareTest : public ::testing::Test {
 protected:
  using Writers = std::list<Writer>;

  // While the writers and senders work.
  void until(const std::function<bool()>& done) {
    wait_until([&] {
      io_.restart();
      io_.poll();
      return done();
    });
  }
  Writer& add_writer(unsigned partitions) {
    return writers_.emplace_back(io_, store_, broker_.address(), broker_.topology(partitions));
  }
  // Until each partition has one owner, and the writers have so many of them, ascending.
  void until_shared(const std::vector<std::size_t>& expected) {
    until([&] {
      std::vector<std::size_t> shares;
      std::vector<unsigned> owned;
      for (const Writer& each : writers_) {
        const auto partitions = each.partitions();
        shares.push_back(partitions.size());
        owned.insert(owned.end(), partitions.begin(), partitions.end());
      }
      std::ranges::sort(shares);
      std::ranges::sort(owned);
      std::vector<unsigned> all(std::accumulate(expected.begin(), expected.end(), std::size_t{0}));
      std::iota(all.begin(), all.end(), 0U);
      return shares == expected && owned == all;
    });
  }
  void until_stored(int more) {
    until([&, before = store_.stored] { return store_.stored >= before + static_cast<std::size_t>(more); });
  }
  // Everything that was sent is stored once, and nothing is left in the queues.
  void expect_all_stored(std::initializer_list<const Sender*> senders, unsigned partitions) {
    std::size_t total = 0;
    for (const Sender* each : senders) total += static_cast<std::size_t>(each->total());
    until([&] { return store_.stored == total; });
    for (const Sender* each : senders) {
      for (const auto& [name, sent] : each->sent()) {
        EXPECT_EQ(store_.first_seen[name].size(), static_cast<std::size_t>(sent)) << name;
      }
    }
    until([&] { return broker_.waiting(partitions) == 0; });
    writers_.clear();  // what was not settled would now wait again
    EXPECT_EQ(broker_.waiting(partitions), 0U);
  }
  void expect_stored_in_order(const Sender& sender) {
    for (const auto& [name, sent] : sender.sent()) {
      std::vector<int> expected(static_cast<std::size_t>(sent));
      std::iota(expected.begin(), expected.end(), 0);
      EXPECT_EQ(store_.first_seen[name], expected) << name;
    }
  }

  boost::asio::io_context io_{1};
  TestBroker broker_;
  TestProxy proxy_{broker_.address()};
  Store store_;
  Writers writers_;
};

TEST_F(RabbitShareTest, WhoJoinsTakesItsShareAndWhoGoesLeavesItToTheOthers) {
  Sender sender(io_, broker_.address(), broker_.topology(4), "sender");
  for (const auto& shares : std::vector<std::vector<std::size_t>>{{4}, {2, 2}, {1, 1, 2}, {1, 1, 1, 1}}) {
    add_writer(4);
    until_shared(shares);
    until_stored(50);
  }
  for (const auto& shares : std::vector<std::vector<std::size_t>>{{1, 1, 2}, {2, 2}, {4}}) {
    writers_.pop_front();
    until_shared(shares);
    until_stored(50);
  }
  EXPECT_EQ(writers_.front().connections_lost(), 0) << "giving back must not end the connection";
  sender.stop();
  expect_all_stored({&sender}, 4);
  expect_stored_in_order(sender);
}

TEST_F(RabbitShareTest, MoreWritersThanPartitionsStandByAndTakeOver) {
  for (int i = 0; i < 4; ++i) add_writer(2);
  until_shared({0, 0, 1, 1});
  // Those who have the partitions go.
  writers_.remove_if([](const Writer& each) { return !each.partitions().empty(); });
  until_shared({1, 1});
}

TEST_F(RabbitShareTest, AWriterThatDiesHandsOverWhatItHadNotSettled) {
  writers_.emplace_back(io_, store_, proxy_.address(), broker_.topology(4));
  add_writer(4);
  until_shared({2, 2});
  Sender sender(io_, broker_.address(), broker_.topology(4), "sender");
  until_stored(200);
  proxy_.refuse(true);
  proxy_.cut();
  until([&] { return writers_.back().partitions().size() == 4; });
  until_stored(200);
  sender.stop();
  expect_all_stored({&sender}, 4);
  expect_stored_in_order(sender);
}

TEST_F(RabbitShareTest, OrderHoldsWhileWritersComeAndGoAndDie) {
  writers_.emplace_back(io_, store_, proxy_.address(), broker_.topology(4));
  Sender sender(io_, broker_.address(), broker_.topology(4), "sender");
  until_stored(100);
  for (int round = 0; round < 3; ++round) {
    add_writer(4);
    until_shared({2, 2});
    until_stored(100);
    add_writer(4);
    until_shared({1, 1, 2});
    until_stored(100);
    proxy_.cut();  // the first one loses everything and comes back
    until_stored(100);
    writers_.pop_back();
    until_stored(100);
    writers_.pop_back();
    until_shared({4});
  }
  sender.stop();
  expect_all_stored({&sender}, 4);
  expect_stored_in_order(sender);
}

// docs/configuration.md, "Changing the number of partitions".
TEST_F(RabbitShareTest, GrowingAndShrinkingLoseNothing) {
  add_writer(2);
  add_writer(2);
  Sender old_gateway(io_, broker_.address(), broker_.topology(2), "old");
  until_stored(100);

  // Grow: sv-persist first, one process after the other, then the gateways.
  writers_.pop_front();
  add_writer(4);
  until_shared({2, 2});  // the one that knows of two partitions consumes four, too
  until_stored(100);
  writers_.pop_front();
  add_writer(4);
  until_shared({2, 2});
  Sender new_gateway(io_, broker_.address(), broker_.topology(4), "new");
  until_stored(100);
  old_gateway.stop();
  until_stored(100);

  // Shrink: the gateways first, then sv-persist, and the queues once nobody publishes to them.
  Sender last_gateway(io_, broker_.address(), broker_.topology(2), "last");
  until_stored(100);
  new_gateway.stop();
  writers_.pop_front();
  add_writer(2);
  writers_.pop_front();
  add_writer(2);
  until_shared({2, 2});  // they still consume all that there are
  until([&] { return broker_.waiting(4) == broker_.waiting(2); });
  broker_.delete_queue(broker_.topology(4).queue(3));
  broker_.delete_queue(broker_.topology(4).queue(2));
  until_shared({1, 1});
  until_stored(100);
  last_gateway.stop();
  expect_all_stored({&old_gateway, &new_gateway, &last_gateway}, 2);
  for (const Sender* each : {&old_gateway, &new_gateway, &last_gateway}) expect_stored_in_order(*each);
}

TEST_F(RabbitShareTest, APartitionThatAGatewayAddsOnItsOwnIsConsumedAtOnce) {
  add_writer(2);
  add_writer(2);
  until_shared({1, 1});
  Sender gateway(io_, broker_.address(), broker_.topology(4), "sender");
  until_shared({2, 2});
  until_stored(100);
  gateway.stop();
  expect_all_stored({&gateway}, 4);
  expect_stored_in_order(gateway);
}

}  // namespace
}  // namespace simplechat::adapters::rabbitmq

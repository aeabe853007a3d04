// What RabbitQueue and RabbitSource do when the broker, the network or somebody else's bodies are not as they should
// be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "adapters/contract/queue_fixture.h"
#include "adapters/contract/run_to_end.h"
#include "adapters/rabbitmq/rabbit_queue.h"
#include "adapters/rabbitmq/rabbit_source.h"
#include "adapters/rabbitmq/test_broker.h"
#include "adapters/rabbitmq/test_proxy.h"

namespace simplechat::adapters::rabbitmq {
namespace {

using contract::one_message;
using contract::run_to_end;
using contract::run_until;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class RabbitFaultTest : public ::testing::Test {
 protected:
  std::unique_ptr<RabbitQueue> make_queue(const BrokerAddress& address,
                                          std::chrono::milliseconds publish_timeout = 60s) {
    return std::make_unique<RabbitQueue>(
        RabbitQueue::Options{.address = address, .topology = broker_.topology(), .publish_timeout = publish_timeout},
        queue_dependency_);
  }
  std::unique_ptr<RabbitSource> make_source(const BrokerAddress& address) {
    return std::make_unique<RabbitSource>(
        RabbitSource::Options{.address = address, .topology = broker_.topology(), .defaults = test_defaults()},
        source_dependency_);
  }

  chat::Result<void> publish(RabbitQueue& queue, const chat::RecordBatch& batch) {
    return run_to_end(io_, queue.publish(batch));
  }
  chat::MessageSource::Received receive(RabbitSource& source) {
    auto received = run_to_end(io_, source.receive());
    if (!received) throw std::runtime_error("receive: " + received.error().message);
    return *std::move(received);
  }
  void settle(RabbitSource& source, std::uint64_t token) { EXPECT_TRUE(run_to_end(io_, source.settle(token))); }

  void wait_for_queue_reason(const std::string& part) {
    wait_until([&] {
      const auto state = queue_dependency_.state();
      return !state.up && state.reason.find(part) != std::string::npos;
    });
  }
  void wait_for_queue_up() {
    wait_until([&] { return queue_dependency_.state().up; });
  }

  runtime::Dependency queue_dependency_{"rabbitmq"};
  runtime::Dependency source_dependency_{"rabbitmq"};
  TestBroker broker_;
  TestProxy proxy_{broker_.address()};
  boost::asio::io_context io_{1};
};

// A frame of channel 0: connection.blocked with a reason, and connection.unblocked (AMQP 0-9-1 extensions, class 10).
std::string method_frame(const std::string& arguments, char method) {
  const std::string payload = std::string("\0\x0a\0", 3) + method + arguments;
  return std::string("\x01\0\0\0\0\0", 6) + static_cast<char>(payload.size()) + payload + '\xce';
}

// Publishes one message after the other, each once the one before is confirmed.
struct Publisher {
  std::string from;
  int total = 0;
  int confirmed = 0;
  int failed = 0;

  chat::Task<void> run(RabbitQueue& queue) {
    for (int i = 0; i < total; ++i) {
      const chat::RecordBatch batch = one_message(std::to_string(i), from, "peer");
      const auto outcome = co_await queue.publish(batch);
      ++(outcome ? confirmed : failed);
    }
  }
};

// Stores what comes, and settles it.
struct Store {
  std::map<std::string, std::vector<int>> first_seen;  // by sender, each message once
  std::size_t stored = 0;
  bool stop = false;

  chat::Task<void> run(RabbitSource& source) {
    std::set<std::pair<std::string, std::string>> seen;
    while (!stop) {
      auto received = co_await source.receive();
      if (!received) continue;
      for (const chat::MessageView& message : received->records.messages) {
        if (!seen.emplace(message.from, message.id).second) continue;
        first_seen[std::string(message.from)].push_back(std::stoi(std::string(message.id)));
        ++stored;
      }
      // Refused after a cut: then everything comes again, which `seen` expects.
      [[maybe_unused]] const auto settled = co_await source.settle(received->token);
    }
  }
};

TEST_F(RabbitFaultTest, WhatIsConfirmedArrivesInOrderThoughConnectionsAreCutAllTheTime) {
  constexpr int kPublishers = 8;
  constexpr int kMessages = 150;
  constexpr int kCuts = 12;
  const auto queue = make_queue(proxy_.address());
  const auto source = make_source(proxy_.address());
  Store store;
  const auto rethrow = [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  };
  std::vector<Publisher> publishers;
  for (int i = 0; i < kPublishers; ++i)
    publishers.push_back({.from = "sender" + std::to_string(i), .total = kMessages});
  boost::asio::co_spawn(io_, store.run(*source), rethrow);
  for (Publisher& each : publishers) boost::asio::co_spawn(io_, each.run(*queue), rethrow);

  int confirmed = 0;
  for (int cuts = 0; cuts < kCuts; ++cuts) {
    run_until(io_, [&] {
      confirmed = 0;
      for (const Publisher& each : publishers) confirmed += each.confirmed + each.failed;
      return confirmed >= (cuts + 1) * kPublishers * kMessages / (kCuts + 1);
    });
    proxy_.cut();
  }
  run_until(io_, [&] { return store.stored == kPublishers * kMessages; });

  std::vector<int> expected(kMessages);
  std::iota(expected.begin(), expected.end(), 0);
  for (const Publisher& each : publishers) {
    EXPECT_EQ(each.failed, 0) << "a cut connection must be made again and the body be sent again";
    EXPECT_EQ(store.first_seen[each.from], expected) << each.from;
  }
  store.stop = true;  // the store ends with what is published next
  ASSERT_TRUE(publish(*queue, one_message("0", "last", "peer")));
  run_until(io_, [&] { return store.first_seen.contains("last"); });
}

TEST_F(RabbitFaultTest, AnUnreadableBodyGoesToTheDeadLettersAndTheRestFlows) {
  const auto queue = make_queue(broker_.address());
  ASSERT_TRUE(publish(*queue, one_message("before")));
  const std::string name = broker_.topology().queue(broker_.topology().partition_of("alice", "bob"));
  broker_.publish(name, "not json");
  broker_.publish(name, R"([{"type":"normal","from":"alice","to":"bob"}])");
  broker_.publish(name, "[]");
  ASSERT_TRUE(publish(*queue, one_message("after")));

  auto source = make_source(broker_.address());
  std::vector<std::string> ids;
  while (ids.size() < 2) {
    const auto received = receive(*source);
    for (const chat::MessageView& message : received.records.messages) ids.emplace_back(message.id);
    settle(*source, received.token);
  }
  EXPECT_THAT(ids, ::testing::ElementsAre("before", "after"));

  const auto letters = broker_.take_dead_letters(2);
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].body, "not json");
  EXPECT_THAT(letters[0].reason, HasSubstr("bad_json"));
  EXPECT_EQ(letters[0].from_queue, name);
  EXPECT_EQ(letters[1].body, R"([{"type":"normal","from":"alice","to":"bob"}])");
  EXPECT_THAT(letters[1].reason, HasSubstr("bad_frame"));
  // They are acked, too, once they are kept. A source that goes in between leaves them to the next one, which keeps
  // them again.
  wait_until([&] {
    source.reset();
    if (broker_.waiting() == 0) return true;
    source = make_source(broker_.address());
    broker_.take_dead_letters(1);
    return false;
  });
  source = make_source(broker_.address());
  ASSERT_TRUE(publish(*queue, one_message("marker")));
  EXPECT_EQ(receive(*source).records.messages[0].id, "marker");
}

TEST_F(RabbitFaultTest, SettlingDoesNotAckAnUnreadableBodyThatIsNotKeptYet) {
  auto source = make_source(proxy_.address());
  const auto queue = make_queue(broker_.address());
  wait_for_queue_up();
  wait_until([&] { return source_dependency_.state().up; });
  proxy_.inject(method_frame("\x0dlow on memory", 60));  // the dead letters now wait
  wait_until([&] { return source_dependency_.state().reason == "blocked by broker: low on memory"; });
  broker_.publish(broker_.topology().queue(broker_.topology().partition_of("alice", "bob")), "unreadable");
  ASSERT_TRUE(publish(*queue, one_message("good")));
  settle(*source, receive(*source).token);
  source.reset();
  EXPECT_FALSE(broker_.take_dead_letter().has_value());

  source = make_source(broker_.address());
  EXPECT_EQ(broker_.take_dead_letters(1)[0].body, "unreadable");
  ASSERT_TRUE(publish(*queue, one_message("marker")));
  EXPECT_EQ(receive(*source).records.messages[0].id, "marker") << "the good one was settled";
}

TEST_F(RabbitFaultTest, ABodyAsTheOriginalWroteItIsRead) {
  const auto source = make_source(broker_.address());
  const auto queue = make_queue(broker_.address());
  wait_for_queue_up();
  broker_.publish(broker_.topology().queue(0), R"({"type":"normal","from":17,"to":"bob","payload":"hi"})");
  const auto received = receive(*source);
  ASSERT_EQ(received.records.size(), 1U);
  EXPECT_EQ(received.records.messages[0],
            (chat::MessageView{.id = "made-id", .from = "17", .to = "bob", .payload = "hi", .at = 1234}));
}

TEST_F(RabbitFaultTest, ALostConnectionIsToldOnceAndEverythingUnsettledComesAgain) {
  const auto queue = make_queue(broker_.address());
  const auto source = make_source(proxy_.address());
  ASSERT_TRUE(publish(*queue, one_message("1")));
  const auto first = receive(*source);
  proxy_.cut();
  const auto lost = run_to_end(io_, source->receive());
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, chat::ErrorCode::unavailable);

  EXPECT_FALSE(run_to_end(io_, source->settle(first.token)).has_value()) << "the token is of the lost connection";
  const auto again = receive(*source);
  EXPECT_EQ(again.records.messages[0].id, "1");
  EXPECT_NE(again.token, first.token);
  settle(*source, again.token);
}

TEST_F(RabbitFaultTest, WithoutABrokerAtStartPublishWaitsForItWithinTheDeadline) {
  proxy_.refuse(true);
  const auto queue = make_queue(proxy_.address());
  wait_for_queue_reason("cannot log in");
  bool confirmed = false;
  const auto batch = one_message("1");
  boost::asio::co_spawn(
      io_, [&]() -> chat::Task<void> { confirmed = (co_await queue->publish(batch)).has_value(); },
      [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
      });
  io_.poll();
  EXPECT_FALSE(confirmed);
  proxy_.refuse(false);
  run_until(io_, [&] { return confirmed; });
  wait_for_queue_up();
}

TEST_F(RabbitFaultTest, AQueueThatSomebodyDeletedIsMadeAgainAndNothingConfirmedIsLost) {
  const auto queue = make_queue(broker_.address());
  ASSERT_TRUE(publish(*queue, one_message("1")));
  for (unsigned partition = 0; partition < TestBroker::kPartitions; ++partition) {
    broker_.delete_queue(broker_.topology().queue(partition));
  }
  ASSERT_TRUE(publish(*queue, one_message("2"))) << "without the mandatory flag the broker confirms and drops it";
  const auto source = make_source(broker_.address());
  EXPECT_EQ(receive(*source).records.messages[0].id, "2");
}

TEST_F(RabbitFaultTest, AQueueWithOtherArgumentsIsUnavailableAndTheReasonSaysSo) {
  broker_.declare_classic_queue(broker_.topology().queue(0));
  const auto queue = make_queue(broker_.address(), 200ms);
  wait_for_queue_reason("cannot declare queue " + broker_.topology().queue(0));
  EXPECT_THAT(queue_dependency_.state().reason, HasSubstr("inequivalent arg"));
  const auto outcome = publish(*queue, one_message("1"));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, chat::ErrorCode::unavailable);
}

TEST_F(RabbitFaultTest, AWrongPasswordIsTheReasonAndIsNotShown) {
  BrokerAddress address = broker_.address();
  address.password = "wrong-secret";
  const auto queue = make_queue(address);
  wait_for_queue_reason("cannot log in");
  EXPECT_THAT(queue_dependency_.state().reason, HasSubstr("ACCESS_REFUSED"));
  EXPECT_THAT(queue_dependency_.state().reason, ::testing::Not(HasSubstr("wrong-secret")));
}

TEST_F(RabbitFaultTest, WhileTheBrokerBlocksNothingIsPublishedAndTheReasonSaysSo) {
  const auto queue = std::make_unique<RabbitQueue>(
      RabbitQueue::Options{
          .address = proxy_.address(), .topology = broker_.topology(), .producers = 1, .publish_timeout = 300ms},
      queue_dependency_);
  wait_for_queue_up();
  proxy_.inject(method_frame("\x0dlow on memory", 60));
  wait_for_queue_reason("blocked by broker: low on memory");
  const auto refused = publish(*queue, one_message("while blocked"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, chat::ErrorCode::unavailable);

  proxy_.inject(method_frame("", 61));
  wait_for_queue_up();
  while (!publish(*queue, one_message("afterwards"))) {  // a slow machine may need more than one deadline
  }
  const auto source = make_source(broker_.address());
  EXPECT_EQ(receive(*source).records.messages[0].id, "afterwards");
}

TEST_F(RabbitFaultTest, WhatIsConfirmedWhileEverybodyMakesTheQueuesIsNotLost) {
  constexpr int kRounds = 15;
  constexpr int kQueues = 4;
  for (int round = 0; round < kRounds; ++round) {
    TestBroker broker;  // where nothing has been declared yet
    std::vector<std::unique_ptr<RabbitQueue>> queues;
    for (int i = 0; i < kQueues; ++i) {
      queues.push_back(std::make_unique<RabbitQueue>(
          RabbitQueue::Options{.address = broker.address(), .topology = broker.topology(), .publish_timeout = 60s},
          queue_dependency_));
    }
    RabbitSource source({.address = broker.address(), .topology = broker.topology(), .defaults = test_defaults()},
                        source_dependency_);
    for (const auto& queue : queues) ASSERT_TRUE(publish(*queue, one_message(std::to_string(round))));
    for (std::size_t received = 0; received < kQueues;) received += receive(source).records.size();
  }
}

}  // namespace
}  // namespace simplechat::adapters::rabbitmq

#include "adapters/rabbitmq/dead_letters.h"

#include <gmock/gmock.h>

#include "adapters/rabbitmq/rabbit_source.h"
#include "adapters/rabbitmq/test_broker.h"

namespace simplechat::adapters::rabbitmq {
namespace {

using contract::run_to_end;
using ::testing::ElementsAre;

// What a source sets aside is what is listed; what is replayed it receives again.
TEST(DeadLetters, AreListedInOrderAndReplayedToTheirQueue) {
  TestBroker broker;
  boost::asio::io_context io{1};
  runtime::Dependency dependency{"rabbitmq"};
  RabbitSource source({.address = broker.address(), .topology = broker.topology(), .defaults = test_defaults()},
                      dependency);
  RabbitDeadLetters letters(broker.address(), broker.topology());
  wait_until([&] { return dependency.state().up; });
  chat::RecordBatch one;
  one.messages.add({.id = "1", .from = "alice", .to = "bob", .payload = "one", .at = 7});
  chat::RecordBatch two;
  two.messages.add({.id = "2", .from = "alice", .to = "bob", .payload = "two", .at = 8});
  ASSERT_TRUE(run_to_end(io, source.dead_letter(one, "first")));
  ASSERT_TRUE(run_to_end(io, source.dead_letter(two, "second")));

  const auto list = [&] {
    auto listed = run_to_end(io, letters.list(10));
    EXPECT_TRUE(listed) << listed.error().message;
    return *std::move(listed);
  };
  const auto listed = list();
  ASSERT_EQ(listed.size(), 2U);
  constexpr int kLooks = 20;  // what was looked at is there for the next look
  for (int look = 0; look < kLooks; ++look) ASSERT_EQ(list().size(), 2U) << look;
  EXPECT_EQ(listed[0].reason, "first");
  EXPECT_EQ(listed[0].queue, broker.topology().queue(broker.topology().partition_of("alice", "bob")));
  EXPECT_THAT(listed[1].body, ::testing::HasSubstr("\"two\""));

  const std::vector ids{listed[1].id};
  EXPECT_EQ(run_to_end(io, letters.replay(ids)), 1U);
  const auto received = run_to_end(io, source.receive());
  ASSERT_TRUE(received) << received.error().message;
  ASSERT_EQ(received->records.messages.size(), 1U);
  EXPECT_EQ(received->records.messages[0].payload, "two");
  const auto left = list();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].id, listed[0].id);
}

TEST(DeadLetters, AQueueThatNobodyHasMadeHasNone) {
  TestBroker broker;
  boost::asio::io_context io{1};
  RabbitDeadLetters letters(broker.address(), broker.topology());
  const auto listed = run_to_end(io, letters.list(10));
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_TRUE(listed->empty());
}

TEST(DeadLetters, WithoutABrokerTheyAreUnavailable) {
  boost::asio::io_context io{1};
  BrokerAddress nowhere = test_broker();
  nowhere.port = 1;
  RabbitDeadLetters letters(nowhere, Topology());
  const auto listed = run_to_end(io, letters.list(10));
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, chat::ErrorCode::unavailable);
}

}  // namespace
}  // namespace simplechat::adapters::rabbitmq

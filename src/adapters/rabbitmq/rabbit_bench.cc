// Messages a second through publish() and its confirm, by the number of messages that one publish() carries. Needs the
// broker of SIMPLECHAT_TEST_MQ_URL; the queues are its own and are deleted at the end.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <string>

#include "adapters/rabbitmq/rabbit_queue.h"
#include "adapters/rabbitmq/test_broker.h"

namespace simplechat::adapters::rabbitmq {
namespace {

constexpr int kPublishesInFlight = 64;
constexpr std::size_t kPayloadBytes = 100;

chat::RecordBatch batch_of(int messages, int conversation) {
  const std::string payload(kPayloadBytes, 'p');
  const std::string from = "user" + std::to_string(conversation);
  chat::RecordBatch batch;
  for (int i = 0; i < messages; ++i) {
    batch.messages.add({.id = "0190b2b0-0000-7000-8000-000000000000",
                        .from = from,
                        .to = "user" + std::to_string(i),
                        .payload = payload,
                        .at = i + 1});
  }
  return batch;
}

void publish_and_confirm(benchmark::State& state) {
  const int messages = static_cast<int>(state.range(0));
  runtime::Dependency dependency("rabbitmq");
  boost::asio::io_context io{1};
  const TestBroker broker;
  RabbitQueue queue({.address = broker.address(), .topology = broker.topology()}, dependency);
  int in_flight = 0;
  int failed = 0;
  const auto publish = [&](int conversation) -> chat::Task<void> {
    const chat::RecordBatch batch = batch_of(messages, conversation);
    const auto outcome = co_await queue.publish(batch);
    if (!outcome) ++failed;
    --in_flight;
  };
  std::int64_t published = 0;
  for (auto each : state) {
    while (in_flight >= kPublishesInFlight) {
      io.restart();
      io.run_one();
    }
    ++in_flight;
    published += messages;
    boost::asio::co_spawn(io, publish(static_cast<int>(published % 1000)), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.poll();
  }
  io.restart();
  io.run();
  if (failed > 0) state.SkipWithError("some were not confirmed");
  state.SetItemsProcessed(published);
}
BENCHMARK(publish_and_confirm)->Arg(1)->Arg(50)->Arg(500)->UseRealTime();

}  // namespace
}  // namespace simplechat::adapters::rabbitmq

// Messages a second through the memory queue, from publish() on two reactors to the settling of a consumer on a third
// that stores nothing, by the number of messages that one publish() carries.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <future>
#include <string>

#include "adapters/memory/message_queue.h"
#include "runtime/reactor.h"

namespace simplechat::adapters::memory {
namespace {

constexpr int kPublishersOfAReactor = 4;  // each with one publish() under way, as a gateway's reactor has
constexpr unsigned kPublishingReactors = 2;
constexpr std::size_t kPayloadBytes = 100;

chat::RecordBatch batch_of(int messages) {
  const std::string payload(kPayloadBytes, 'p');
  chat::RecordBatch batch;
  for (int i = 0; i < messages; ++i) {
    batch.messages.add(
        {.id = "0190b2b0-0000-7000-8000-000000000000", .from = "alice", .to = "bob", .payload = payload, .at = 1});
  }
  return batch;
}

void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

chat::Task<void> store(chat::MessageSource& source) {
  while (true) {
    const auto received = co_await source.receive();
    if (received) [[maybe_unused]]
      const auto settled = co_await source.settle(received->token);
  }
}

chat::Task<void> publish(MemoryQueue& queue, const chat::RecordBatch& batch, int times) {
  for (int i = 0; i < times; ++i) [[maybe_unused]]
    const auto outcome = co_await queue.publish(batch);
}

void publish_and_settle(benchmark::State& state) {
  constexpr int kPublishes = 50;
  const chat::RecordBatch batch = batch_of(static_cast<int>(state.range(0)));
  runtime::ReactorPool reactors(kPublishingReactors + 1);
  MemoryQueue queue({}, nullptr);
  const auto source = queue.make_source();
  boost::asio::co_spawn(reactors[kPublishingReactors].io(), store(*source), rethrow);
  reactors.start();
  for (auto each : state) {
    std::vector<std::future<void>> done;
    for (unsigned reactor = 0; reactor < kPublishingReactors; ++reactor) {
      for (int i = 0; i < kPublishersOfAReactor; ++i) {
        auto finished = std::make_shared<std::promise<void>>();
        done.push_back(finished->get_future());
        boost::asio::co_spawn(reactors[reactor].io(), publish(queue, batch, kPublishes),
                              [finished](const std::exception_ptr& failure) {
                                rethrow(failure);
                                finished->set_value();
                              });
      }
    }
    for (auto& future : done) future.wait();
  }
  reactors.stop();
  state.SetItemsProcessed(state.iterations() * kPublishingReactors * kPublishersOfAReactor * kPublishes *
                          state.range(0));
}
BENCHMARK(publish_and_settle)->Arg(1)->Arg(10)->Arg(100)->UseRealTime();

}  // namespace
}  // namespace simplechat::adapters::memory

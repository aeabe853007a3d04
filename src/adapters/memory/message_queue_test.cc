#include "adapters/memory/message_queue.h"

#include "adapters/contract/queue_contract.h"
#include "wire/queue_body.h"

namespace simplechat::adapters::contract {
namespace {

class MemoryHarness final : public QueueHarness {
 public:
  chat::MessageQueue& queue() override { return queue_; }
  std::unique_ptr<chat::MessageSource> make_source() override { return queue_.make_source(); }
  std::vector<DeadLetter> dead_letters(std::size_t /*count*/) override { return letters_; }
  std::unique_ptr<chat::MessageQueue> make_stalled_queue(std::size_t bytes_max,
                                                         std::chrono::milliseconds publish_timeout) override {
    return std::make_unique<memory::MemoryQueue>(
        memory::MemoryQueue::Options{.bytes_max = bytes_max, .publish_timeout = publish_timeout}, nullptr);
  }

 private:
  chat::Task<chat::Result<void>> keep(const chat::RecordBatch& records, std::string_view reason) {
    std::string body;
    wire::append_queue_body(body, records);
    letters_.push_back({.body = std::move(body), .reason = std::string(reason)});
    co_return chat::Result<void>{};
  }

  std::vector<DeadLetter> letters_;
  memory::MemoryQueue queue_{
      {}, [this](const chat::RecordBatch& records, std::string_view reason) { return keep(records, reason); }};
};

std::unique_ptr<QueueHarness> make_harness() { return std::make_unique<MemoryHarness>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, QueueContract, ::testing::Values(QueueFactory(make_harness)));

// --- what only the memory queue promises ---

class MemoryQueueTest : public ::testing::Test {
 protected:
  static void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  }

  void start_publish(std::string id) {
    auto task = [](memory::MemoryQueue& queue, chat::RecordBatch batch, int& done) -> chat::Task<void> {
      const auto outcome = co_await queue.publish(batch);
      if (outcome) ++done;
    };
    boost::asio::co_spawn(io_, task(queue_, one_message(id), stored_), rethrow);
    io_.restart();
    io_.poll();
  }

  boost::asio::io_context io_{1};
  memory::MemoryQueue queue_{{}, nullptr};
  int stored_ = 0;
};

TEST_F(MemoryQueueTest, APublishEndsWhenItIsSettledAndNotBefore) {
  const auto source = queue_.make_source();
  start_publish("1");
  const auto received = run_to_end(io_, source->receive());
  io_.restart();
  io_.poll();
  EXPECT_EQ(stored_, 0);
  ASSERT_TRUE(run_to_end(io_, source->settle(received->token)));
  run_until(io_, [&] { return stored_ == 1; });
}

TEST_F(MemoryQueueTest, WhatIsPublishedDuringABatchRidesTheNextOneTogether) {
  const auto source = queue_.make_source();
  start_publish("1");
  const auto first = run_to_end(io_, source->receive());
  for (const char* id : {"2", "3", "4"}) start_publish(id);
  const auto second = run_to_end(io_, source->receive());
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->records.size(), 1U);
  EXPECT_EQ(second->records.size(), 3U);
  ASSERT_TRUE(run_to_end(io_, source->settle(second->token)));
  run_until(io_, [&] { return stored_ == 4; });
}

}  // namespace simplechat::adapters::contract

#include "runtime/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace simplechat::runtime {
namespace {

struct Batch {
  std::vector<int> values;
  [[nodiscard]] std::size_t bytes() const { return values.size() * sizeof(int); }
  [[nodiscard]] bool empty() const { return values.empty(); }
  void clear() { values.clear(); }
};

TEST(Mailbox, HandsBatchesOverInOrderAndGivesEmptyOnesBack) {
  Reactor owner(0);
  std::vector<int> seen;
  Mailbox<Batch> mailbox(
      owner, 1024, [&](const Batch& batch) { seen.insert(seen.end(), batch.values.begin(), batch.values.end()); });
  Batch batch{{1, 2}};
  ASSERT_TRUE(mailbox.put(batch));
  EXPECT_TRUE(batch.empty());
  batch.values = {3};
  ASSERT_TRUE(mailbox.put(batch));
  owner.io().poll();
  EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TEST(Mailbox, RefusesWhatIsOverItsBoundAndTakesItAgainLater) {
  Reactor owner(0);
  Mailbox<Batch> mailbox(owner, 2 * sizeof(int), [](const Batch&) {});
  Batch batch{{1, 2}};
  ASSERT_TRUE(mailbox.put(batch));
  batch.values = {3};
  EXPECT_FALSE(mailbox.put(batch));
  EXPECT_EQ(batch.values, std::vector{3}) << "a refused batch stays the sender's";
  owner.io().poll();
  EXPECT_TRUE(mailbox.put(batch));
}

TEST(Mailbox, TakesABatchThatIsLargerThanItsBoundWhenEmpty) {
  Reactor owner(0);
  Mailbox<Batch> mailbox(owner, 1, [](const Batch&) {});
  Batch batch{{1, 2, 3}};
  EXPECT_TRUE(mailbox.put(batch));
}

TEST(Mailbox, LosesNothingBetweenThreads) {
  constexpr int kSenders = 3;
  constexpr int kEach = 20'000;
  ReactorPool pool(1);
  std::vector<int> last(kSenders, -1);
  std::atomic<int> received{0};
  std::atomic<bool> in_order{true};
  Mailbox<Batch> mailbox(pool[0], 4096, [&](const Batch& batch) {
    const int sender = batch.values[0];
    if (batch.values[1] != last[static_cast<std::size_t>(sender)] + 1) in_order = false;
    last[static_cast<std::size_t>(sender)] = batch.values[1];
    ++received;
  });
  pool.start();
  {
    std::vector<std::jthread> senders;
    for (int sender = 0; sender < kSenders; ++sender) {
      senders.emplace_back([&mailbox, sender] {
        Batch batch;
        for (int i = 0; i < kEach; ++i) {
          batch.values = {sender, i};
          while (!mailbox.put(batch)) std::this_thread::yield();
        }
      });
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (received < kSenders * kEach && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  pool.stop();
  EXPECT_EQ(received, kSenders * kEach);
  EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace simplechat::runtime

#include "adapters/memory/directory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "adapters/contract/directory_contract.h"
#include "chat/clock.h"

namespace simplechat::adapters::memory {
namespace {

using namespace std::chrono_literals;

class Harness final : public contract::DirectoryHarness {
 public:
  MemoryDirectory& directory() override { return directory_; }
  boost::asio::io_context& io() override { return io_; }
  void let_pass(std::chrono::milliseconds time) override { now_ += time; }

  template <class T>
  T run(chat::Task<T> task) {
    return contract::run_to_end(io_, std::move(task));
  }
  void apply(const chat::GatewayIdentity& gateway, chat::RecordChange change) {
    const std::vector<chat::RecordChange> changes{std::move(change)};
    ASSERT_TRUE(run(directory_.apply(gateway, changes)));
  }

 private:
  boost::asio::io_context io_;
  std::chrono::steady_clock::time_point now_;
  MemoryDirectory directory_{[this] { return now_; }, chat::system_wall_clock};
};

const chat::GatewayIdentity kGateway{.url = "http://127.0.0.1:3002", .incarnation = "run-1"};

TEST(MemoryDirectory, ForgetsUsersWhoHaveLeft) {
  Harness harness;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string user = "user-" + std::to_string(i);
    harness.apply(kGateway, {.user = user, .present = true, .fence = 2 * i + 1});
    harness.apply(kGateway, {.user = user, .present = false, .fence = 2 * i + 2});
  }
  harness.apply(kGateway, {.user = "user-7", .present = true, .fence = 1000});
  EXPECT_EQ(harness.directory().users(), 100U);
  harness.let_pass(MemoryDirectory::kReleaseKept + 1ms);
  harness.apply(kGateway, {.user = "alice", .present = true, .fence = 1001});
  EXPECT_EQ(harness.directory().users(), 2U) << "user-7 came back, alice is new";
}

TEST(MemoryDirectory, ForgetsGatewaysThatDoNotComeBack) {
  Harness harness;
  ASSERT_TRUE(harness.run(harness.directory().renew(kGateway, 10s)));
  harness.apply(kGateway, {.user = "alice", .present = true, .fence = 1});
  const chat::GatewayIdentity other{.url = "http://127.0.0.1:3003", .incarnation = "run-2"};
  harness.let_pass(10s + MemoryDirectory::kLeaselessKept + 1ms);
  ASSERT_TRUE(harness.run(harness.directory().renew(other, 10s)));
  EXPECT_EQ(harness.directory().users(), 0U);
}

TEST(MemoryDirectory, MayBeCalledFromManyThreads) {
  constexpr int kRounds = 500;
  MemoryDirectory directory(std::chrono::steady_clock::now, chat::system_wall_clock);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        boost::asio::io_context io;
        const chat::GatewayIdentity gateway{.url = "http://127.0.0.1:" + std::to_string(3000 + thread),
                                            .incarnation = "run"};
        const std::vector<std::string> users{"alice-" + std::to_string(thread)};
        for (int round = 1; round <= kRounds; ++round) {
          const std::vector<chat::RecordChange> changes{
              {.user = users.front(), .present = round % 2 == 1, .fence = static_cast<std::uint64_t>(round)}};
          const auto renewed = contract::run_to_end(io, directory.renew(gateway, 60s));
          const auto applied = contract::run_to_end(io, directory.apply(gateway, changes));
          const auto found = contract::run_to_end(io, directory.locate(users));
          if (renewed && applied && found && found->of(0).empty() == (round % 2 == 0)) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 4 * kRounds);
}

std::unique_ptr<contract::DirectoryHarness> make_harness() { return std::make_unique<Harness>(); }

}  // namespace
}  // namespace simplechat::adapters::memory

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Memory, DirectoryContract, ::testing::Values(DirectoryFactory(memory::make_harness)));
}  // namespace simplechat::adapters::contract

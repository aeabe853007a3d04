#include "sv_websocket/block_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <memory>
#include <string>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "adapters/memory/blocks.h"

namespace simplechat::sv_websocket {
namespace {

using adapters::contract::run_to_end;
using adapters::memory::MemoryBlocks;

// A store that may be away, and be replaced by an empty one.
class Store final : public chat::Blocks {
 public:
  chat::Task<chat::Result<void>> change_blocks(std::span<const chat::BlockChange> changes) override {
    if (away || read_only) co_return chat::fail(chat::ErrorCode::unavailable, "away");
    co_return memory->change_now(changes);
  }
  chat::Task<chat::Result<chat::BlockChanges>> blocks_since(const std::string& version) override {
    ++asked;
    if (away) co_return chat::fail(chat::ErrorCode::unavailable, "away");
    co_return memory->since_now(version);
  }
  void change(const std::string& user, const std::string& blocked, bool present = true) {
    const chat::BlockChange change{.user = user, .blocked = blocked, .present = present};
    EXPECT_TRUE(memory->change_now(std::span(&change, 1)));
  }
  void replace(const std::string& name, std::size_t of_user = 10'000) { memory = make(name, of_user); }
  static std::unique_ptr<MemoryBlocks> make(const std::string& name, std::size_t of_user = 10'000) {
    return std::make_unique<MemoryBlocks>([] { return std::int64_t{50}; }, name,
                                          chat::BlockLimits{.of_user = of_user, .removals = 2});
  }

  std::unique_ptr<MemoryBlocks> memory = make("run-1");
  bool away = false;
  bool read_only = false;
  int asked = 0;
};

class BlockWatchTest : public ::testing::Test {
 protected:
  void TearDown() override {
    auto ended = boost::asio::co_spawn(reactor_.io(), watch_.stop(), boost::asio::use_future);
    run_until([&] { return ended.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  }

  template <class Done>
  void run_until(Done done) {
    adapters::contract::run_until(reactor_.io(), done);
  }
  void run_until_asked_again() {
    const int asked = store_.asked;
    run_until([&] { return store_.asked > asked + 1; });
  }
  void start() {
    watch_.start();
    run_until([&] { return known_ > 0; });
  }
  chat::Result<void> change(const std::string& user, const std::string& blocked, bool present = true) {
    return run_to_end(reactor_.io(), watch_.change({.user = user, .blocked = blocked, .present = present}));
  }

  runtime::Reactor reactor_{0};
  Store store_;
  BlockTable table_;
  int known_ = 0;
  std::size_t count_ = 0;
  BlockWatch watch_{reactor_,
                    store_,
                    table_,
                    {.known = [this] { ++known_; }, .count = [this](std::size_t count) { count_ = count; }}};
};

TEST_F(BlockWatchTest, IsKnownOnceEverythingHasBeenHeard) {
  for (std::size_t i = 0; i < chat::kBlockChangesPerCallMax + 5; ++i) store_.change("alice", "u" + std::to_string(i));
  store_.away = true;
  watch_.start();
  run_until_asked_again();
  EXPECT_EQ(known_, 0);
  EXPECT_EQ(run_to_end(reactor_.io(), watch_.blocked_by("alice")).error().code, chat::ErrorCode::unavailable);
  store_.away = false;
  run_until([&] { return known_ > 0; });
  EXPECT_EQ(count_, chat::kBlockChangesPerCallMax + 5);
  EXPECT_EQ(run_to_end(reactor_.io(), watch_.blocked_by("alice"))->size(), count_);
  run_until_asked_again();
  EXPECT_EQ(known_, 1);
}

TEST_F(BlockWatchTest, HearsWhatIsChangedElsewhere) {
  start();
  store_.change("alice", "bob");
  run_until([&] { return table_.blocks("alice", "bob"); });
  EXPECT_EQ(count_, 1);
  store_.change("alice", "bob", false);
  run_until([&] { return !table_.blocks("alice", "bob"); });
  run_until([&] { return count_ == 0; });
}

TEST_F(BlockWatchTest, WhatIsChangedHereIsKeptAndInForceAtOnce) {
  start();
  EXPECT_TRUE(change("alice", "bob"));
  EXPECT_TRUE(table_.blocks("alice", "bob"));
  EXPECT_EQ(store_.memory->size(), 1);
  EXPECT_TRUE(change("alice", "bob", false));
  EXPECT_FALSE(table_.blocks("alice", "bob"));
  EXPECT_EQ(store_.memory->size(), 0);
  store_.away = true;
  EXPECT_FALSE(change("alice", "carol"));
  EXPECT_FALSE(table_.blocks("alice", "carol"));
}

TEST_F(BlockWatchTest, WhatIsKnownStaysInForceWhileTheStoreIsAway) {
  store_.change("alice", "bob");
  start();
  store_.away = true;
  run_until_asked_again();
  EXPECT_TRUE(table_.blocks("alice", "bob"));
}

TEST_F(BlockWatchTest, AStoreThatLostItsDataIsGivenThemAgain) {
  for (std::size_t i = 0; i < chat::kBlockChangesPerCallMax + 5; ++i) store_.change("alice", "u" + std::to_string(i));
  start();
  store_.replace("run-2");
  store_.change("bob", "carol");  // it has another one already
  run_until([&] { return store_.memory->size() == chat::kBlockChangesPerCallMax + 6; });
  EXPECT_TRUE(table_.blocks("alice", "u0"));
  EXPECT_TRUE(table_.blocks("bob", "carol"));
  run_until_asked_again();
  EXPECT_EQ(count_, chat::kBlockChangesPerCallMax + 6);
}

TEST_F(BlockWatchTest, AStoreThatCannotTakeThemYetIsGivenThemLater) {
  store_.change("alice", "bob");
  start();
  store_.read_only = true;
  store_.replace("run-2");
  run_until_asked_again();
  run_until_asked_again();
  EXPECT_EQ(store_.memory->size(), 0);
  EXPECT_TRUE(table_.blocks("alice", "bob"));
  store_.read_only = false;
  run_until([&] { return store_.memory->size() == 1; });
}

TEST_F(BlockWatchTest, WhoHasAsManyAsMayBeDoesNotKeepTheOthersWaiting) {
  for (const char* user : {"a", "b", "c", "d"}) store_.change(user, "bob");
  store_.change("b", "carol");
  start();
  store_.replace("run-2", 2);
  for (const char* other : {"x", "y"}) store_.change("b", other);  // b has made use of the room
  run_until([&] { return store_.memory->size() == 5; });
  run_until_asked_again();
  EXPECT_EQ(store_.memory->size(), 5);
  EXPECT_TRUE(table_.blocks("b", "bob"));
  for (const char* other : {"x", "y"}) store_.change("b", other, false);
  run_until([&] { return store_.memory->size() == 5 && !table_.blocks("b", "x"); });
  const auto kept = store_.memory->since_now("").changes;
  for (const char* other : {"bob", "carol"}) {
    const chat::BlockChange change{.user = "b", .blocked = other};
    EXPECT_NE(std::ranges::find(kept, change), kept.end()) << other;
  }
}

TEST_F(BlockWatchTest, WhoIsUnblockedMeanwhileIsNotBlockedAgain) {
  store_.change("alice", "bob");
  store_.change("alice", "carol");
  start();
  store_.read_only = true;
  store_.replace("run-2");
  run_until_asked_again();
  run_until_asked_again();
  store_.change("alice", "bob", false);  // at another gateway: the store has no such block any more
  run_until([&] { return !table_.blocks("alice", "bob"); });
  store_.read_only = false;
  run_until([&] { return store_.memory->size() == 1; });
  run_until_asked_again();
  EXPECT_FALSE(table_.blocks("alice", "bob"));
  EXPECT_TRUE(table_.blocks("alice", "carol"));
}

TEST_F(BlockWatchTest, WhatIsMissingFromAStoreThatLostNothingIsNoMore) {
  store_.change("alice", "bob");
  store_.change("alice", "carol");
  start();
  store_.away = true;
  run_until_asked_again();
  store_.change("alice", "bob", false);
  for (const char* other : {"x", "y", "z"}) store_.change("dave", other, false);  // more removals than are remembered
  store_.away = false;
  run_until([&] { return !table_.blocks("alice", "bob"); });
  EXPECT_TRUE(table_.blocks("alice", "carol"));
  run_until_asked_again();
  EXPECT_EQ(store_.memory->size(), 1) << "it is not blocked again";
  EXPECT_EQ(count_, 1);
}

}  // namespace
}  // namespace simplechat::sv_websocket

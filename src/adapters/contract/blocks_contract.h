// The contract of chat::Blocks as a test suite. Each adapter's test instantiates it, in one source file of its program:
//
//   namespace simplechat::adapters::contract {
//   INSTANTIATE_TEST_SUITE_P(Memory, BlocksContract, ::testing::Values(BlocksFactory(make_harness)));
//   }
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "chat/blocks.h"

namespace simplechat::adapters::contract {

// An empty store under test.
class BlocksHarness {
 public:
  virtual ~BlocksHarness() = default;
  virtual chat::Blocks& blocks() = 0;
  // What the calls run on.
  virtual boost::asio::io_context& io() = 0;
};

using BlocksFactory = std::function<std::unique_ptr<BlocksHarness>(const chat::BlockLimits& limits)>;

class BlocksContract : public ::testing::TestWithParam<BlocksFactory> {
 protected:
  using Pairs = std::set<std::pair<std::string, std::string>>;  // who has blocked, and whom

  // Somebody who asks now and then, as a gateway does.
  struct Reader {
    std::string version{};
    Pairs blocked{};
    bool all = false;   // the latest read was told everything
    bool lost = false;  // and that it is another store's
    std::size_t changes = 0;
  };

  static constexpr std::size_t kPagesMax = 10;  // of any read in these tests

  void start(const chat::BlockLimits& limits = {}) { harness_ = GetParam()(limits); }

  template <class T>
  chat::Result<T> outcome(chat::Task<chat::Result<T>> call) {
    return run_to_end(harness_->io(), std::move(call));
  }
  chat::Result<void> change(const std::vector<chat::BlockChange>& changes) {
    return outcome(harness_->blocks().change_blocks(changes));
  }
  void block(const std::string& user, const std::string& blocked) {
    expect_kept({.user = user, .blocked = blocked, .present = true});
  }
  void unblock(const std::string& user, const std::string& blocked) {
    expect_kept({.user = user, .blocked = blocked, .present = false});
  }
  void expect_kept(const chat::BlockChange& each) {
    const auto kept = change({each});
    ASSERT_TRUE(kept) << kept.error().message;
  }
  chat::BlockChanges ask(const std::string& version) {
    auto changes = outcome(harness_->blocks().blocks_since(version));
    if (!changes) throw std::runtime_error(changes.error().message);
    return *std::move(changes);
  }
  void read_page(Reader& reader, const chat::BlockChanges& page) {
    if (page.all) {
      reader.blocked.clear();
      reader.all = true;
      reader.lost = page.lost;
    }
    for (const chat::BlockChange& each : page.changes) {
      if (each.present) {
        reader.blocked.emplace(each.user, each.blocked);
      } else {
        reader.blocked.erase({each.user, each.blocked});
      }
    }
    reader.changes += page.changes.size();
    reader.version = page.version;
  }
  void read(Reader& reader) {
    reader.all = reader.lost = false;
    reader.changes = 0;
    std::size_t pages = 0;
    for (bool more = true; more;) {
      if (++pages > kPagesMax) throw std::runtime_error("the pages have no end");
      const chat::BlockChanges page = ask(reader.version);
      read_page(reader, page);
      more = page.more;
    }
  }

  std::unique_ptr<BlocksHarness> harness_;
};

TEST_P(BlocksContract, TellsEachChangeOnce) {
  start();
  Reader reader;
  read(reader);
  EXPECT_TRUE(reader.all);
  EXPECT_FALSE(reader.lost);
  EXPECT_TRUE(reader.blocked.empty());
  block("alice", "bob");
  block("bob", "alice");  // another block
  read(reader);
  EXPECT_FALSE(reader.all);
  EXPECT_EQ(reader.blocked, (Pairs{{"alice", "bob"}, {"bob", "alice"}}));
  unblock("alice", "bob");
  read(reader);
  EXPECT_EQ(reader.changes, 1);
  EXPECT_EQ(reader.blocked, (Pairs{{"bob", "alice"}}));
  read(reader);
  EXPECT_EQ(reader.changes, 0);
  Reader another;
  read(another);
  EXPECT_EQ(another.blocked, reader.blocked);
  EXPECT_EQ(another.changes, 1) << "who knows nothing need not hear of what is no more";
}

TEST_P(BlocksContract, AnIdleAskIsAnsweredWithTheSameVersion) {
  start();
  block("alice", "bob");
  Reader reader;
  read(reader);
  const auto idle = ask(reader.version);
  EXPECT_EQ(idle.version, reader.version);
  EXPECT_FALSE(idle.all);
  EXPECT_FALSE(idle.more);
}

TEST_P(BlocksContract, WhatIsSoAlreadyIsNoChange) {
  start();
  block("alice", "bob");
  Reader reader;
  read(reader);
  block("alice", "bob");
  read(reader);
  EXPECT_EQ(reader.changes, 0);
  unblock("alice", "bob");
  read(reader);
  EXPECT_EQ(reader.changes, 1);
  unblock("alice", "bob");
  read(reader);
  EXPECT_EQ(reader.changes, 0);
  unblock("alice", "carol");  // whom somebody may know as blocked from a store that was lost
  read(reader);
  EXPECT_EQ(reader.changes, 1);
  EXPECT_TRUE(reader.blocked.empty());
}

TEST_P(BlocksContract, OfAPairTheLatestChangeCounts) {
  start();
  Reader reader;
  read(reader);
  ASSERT_TRUE(change({{.user = "alice", .blocked = "bob", .present = true},
                      {.user = "alice", .blocked = "bob", .present = false},
                      {.user = "alice", .blocked = "bob", .present = true}}));
  read(reader);
  EXPECT_EQ(reader.blocked, (Pairs{{"alice", "bob"}}));
  unblock("alice", "bob");
  block("alice", "bob");
  read(reader);
  EXPECT_EQ(reader.blocked, (Pairs{{"alice", "bob"}}));
  EXPECT_EQ(reader.changes, 1);
}

TEST_P(BlocksContract, AnotherStoresVersionIsAnsweredWithAllAndSaysSo) {
  start();
  block("alice", "bob");
  for (const std::string& version : {std::string("another-1-1"), std::string("nonsense"), std::string("-"),
                                     std::string("another-99999999999999999999999-1")}) {
    const auto changes = ask(version);
    EXPECT_TRUE(changes.all) << version;
    EXPECT_TRUE(changes.lost) << version;
    EXPECT_EQ(changes.changes, (std::vector<chat::BlockChange>{{.user = "alice", .blocked = "bob"}}));
  }
  EXPECT_FALSE(ask("").lost);
}

TEST_P(BlocksContract, GivesManyPageByPageAlsoWhileTheyChange) {
  start({.of_user = 10'000});
  std::vector<chat::BlockChange> many;
  for (std::size_t i = 0; i < chat::kBlockChangesPerCallMax; ++i) {
    many.push_back({.user = "alice", .blocked = "user-" + std::to_string(i)});
  }
  ASSERT_TRUE(change(many));
  block("bob", "alice");
  Reader reader;
  const auto first = ask("");
  ASSERT_TRUE(first.more);
  read_page(reader, first);
  unblock("alice", "user-0");  // of which it has been told
  block("bob", "carol");
  read(reader);
  EXPECT_FALSE(reader.all);
  EXPECT_EQ(reader.blocked.size(), chat::kBlockChangesPerCallMax + 1);
  EXPECT_FALSE(reader.blocked.contains({"alice", "user-0"}));
  EXPECT_TRUE(reader.blocked.contains({"bob", "carol"}));
  EXPECT_TRUE(reader.blocked.contains({"bob", "alice"}));
}

TEST_P(BlocksContract, WhoWasAwayForTooManyRemovalsIsToldAll) {
  start({.removals = 3});
  for (const std::string user : {"a", "b", "c", "d"}) block("alice", user);
  Reader in_time;
  Reader late;
  read(in_time);
  read(late);
  for (const std::string user : {"a", "b", "c"}) {
    unblock("alice", user);
    read(in_time);
    EXPECT_FALSE(in_time.all);
  }
  Reader just_in_time = late;
  read(just_in_time);
  EXPECT_FALSE(just_in_time.all) << "so many removals are remembered";
  unblock("alice", "e");
  read(in_time);
  EXPECT_FALSE(in_time.all);
  read(late);
  EXPECT_TRUE(late.all);
  EXPECT_FALSE(late.lost) << "what it knows beyond that is no more: it must not make it again";
  EXPECT_EQ(late.blocked, (Pairs{{"alice", "d"}}));
  read(late);
  EXPECT_FALSE(late.all);
}

TEST_P(BlocksContract, AReadFromTheBeginningIsNotBegunAnewForRemovalsBeforeIt) {
  start({.of_user = 10'000, .removals = 1});
  std::vector<chat::BlockChange> many;
  for (std::size_t i = 0; i < chat::kBlockChangesPerCallMax; ++i) {
    many.push_back({.user = "alice", .blocked = "user-" + std::to_string(i)});
  }
  ASSERT_TRUE(change(many));
  for (const std::string user : {"x", "y", "z"})
    unblock("alice", user);  // forgotten up to a later number than page 1's
  block("bob", "alice");
  Reader reader;
  read_page(reader, ask(""));
  read(reader);
  EXPECT_FALSE(reader.all);
  EXPECT_EQ(reader.blocked.size(), chat::kBlockChangesPerCallMax + 1);
}

TEST_P(BlocksContract, ForgetsRemovalsAfterAWhile) {
  start({.removal_kept = std::chrono::seconds(0)});
  block("alice", "bob");
  Reader reader;
  read(reader);
  unblock("alice", "bob");
  unblock("alice", "carol");  // any change may be what clears up
  read(reader);
  EXPECT_TRUE(reader.all);
  EXPECT_TRUE(reader.blocked.empty());
}

TEST_P(BlocksContract, RefusesMoreThanMayBeAndKeepsTheOthers) {
  start({.blocks = 3, .of_user = 2});
  block("alice", "a");
  block("alice", "b");
  block("alice", "b");
  const auto of_user = change({{.user = "alice", .blocked = "c"}});
  ASSERT_FALSE(of_user);
  EXPECT_EQ(of_user.error().code, chat::ErrorCode::too_large);
  EXPECT_THAT(of_user.error().message, ::testing::HasSubstr("alice has blocked as many users as may be: 2"));
  block("bob", "a");
  const auto full = change({{.user = "bob", .blocked = "b"}});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, chat::ErrorCode::unavailable);
  EXPECT_THAT(full.error().message, ::testing::HasSubstr("blocks-max"));
  Reader reader;
  read(reader);
  EXPECT_EQ(reader.blocked, (Pairs{{"alice", "a"}, {"alice", "b"}, {"bob", "a"}}));
  unblock("alice", "a");
  block("alice", "c");  // there is room again, of both kinds
  unblock("alice", "nobody");
  unblock("alice", "nobody");
  const auto still_of_user = change({{.user = "alice", .blocked = "d"}});
  ASSERT_FALSE(still_of_user);
  EXPECT_EQ(still_of_user.error().code, chat::ErrorCode::too_large) << "a removal of what is not there makes no room";
}

TEST_P(BlocksContract, RefusesTooManyInOneCall) {
  start();
  const std::vector<chat::BlockChange> many(chat::kBlockChangesPerCallMax + 1, {.user = "alice", .blocked = "bob"});
  const auto refused = change(many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, chat::ErrorCode::too_large);
}

}  // namespace simplechat::adapters::contract

#include "adapters/memory/blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "adapters/contract/blocks_contract.h"
#include "adapters/memory/block_file.h"
#include "adapters/memory/file_size_limit.h"
#include "adapters/memory/temporary_file.h"

namespace simplechat::adapters::memory {
namespace {

using contract::run_to_end;

std::int64_t system_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class MemoryHarness final : public contract::BlocksHarness {
 public:
  explicit MemoryHarness(const chat::BlockLimits& limits) : blocks_(system_s, "run-1", limits) {}
  chat::Blocks& blocks() override { return blocks_; }
  boost::asio::io_context& io() override { return io_; }

 private:
  boost::asio::io_context io_;
  MemoryBlocks blocks_;
};

class FileHarness final : public contract::BlocksHarness {
 public:
  explicit FileHarness(const chat::BlockLimits& limits) : blocks_(file_.path(), system_s, "run-1", limits) {}
  chat::Blocks& blocks() override { return blocks_; }
  boost::asio::io_context& io() override { return io_; }

 private:
  boost::asio::io_context io_;
  TemporaryFile file_;
  BlockFile blocks_;
};

template <class Harness>
std::unique_ptr<contract::BlocksHarness> make(const chat::BlockLimits& limits) {
  return std::make_unique<Harness>(limits);
}

TEST(MemoryBlocks, ARemovalIsRememberedForItsTime) {
  std::int64_t now_s = 50;
  MemoryBlocks blocks([&] { return now_s; }, "run-1", {.removal_kept = std::chrono::seconds(100)});
  chat::BlockChange change{.user = "alice", .blocked = "bob"};
  ASSERT_TRUE(blocks.change_now(std::span(&change, 1)));
  const std::string before = blocks.since_now("").version;
  change.present = false;
  ASSERT_TRUE(blocks.change_now(std::span(&change, 1)));
  now_s = 149;
  EXPECT_FALSE(blocks.since_now(before).all);
  EXPECT_EQ(blocks.since_now(before).changes, std::vector{change});
  now_s = 150;
  EXPECT_TRUE(blocks.since_now(before).all);
  EXPECT_TRUE(blocks.since_now(before).changes.empty());
}

class BlockFileTest : public ::testing::Test {
 protected:
  BlockFile open(chat::BlockLimits limits = {}) {
    return {file_.path(), [this] { return now_s_; }, "run", limits};
  }
  std::vector<chat::BlockChange> read(BlockFile& file) {
    return run_to_end(io_, file.blocks_since("")).value().changes;
  }
  chat::Result<void> change(BlockFile& file, const std::string& user, const std::string& blocked, bool present = true) {
    const chat::BlockChange change{.user = user, .blocked = blocked, .present = present};
    return run_to_end(io_, file.change_blocks(std::span(&change, 1)));
  }
  [[nodiscard]] std::ptrdiff_t lines() const { return std::ranges::count(file_.text(), '\n'); }

  boost::asio::io_context io_;
  TemporaryFile file_;
  std::int64_t now_s_ = 50;
};

TEST_F(BlockFileTest, RemembersOverARestart) {
  {
    BlockFile before = open();
    EXPECT_TRUE(change(before, "alice", "bob"));
    EXPECT_TRUE(change(before, "alice", "carol"));
    EXPECT_TRUE(change(before, "alice", "bob", false));
  }
  BlockFile after = open();
  EXPECT_EQ(read(after), (std::vector<chat::BlockChange>{{.user = "alice", .blocked = "carol"}}));
  EXPECT_EQ(file_.text(), R"({"changes":[{"user":"alice","blocked":"carol","present":true}]})"
                          "\n");
}

TEST_F(BlockFileTest, LeavesOutWhatACrashCutOff) {
  {
    BlockFile before = open();
    EXPECT_TRUE(change(before, "alice", "bob"));
  }
  file_.append(R"({"changes":[{"user":"alice","blocked":"car)");
  BlockFile after = open();
  EXPECT_EQ(read(after), (std::vector<chat::BlockChange>{{.user = "alice", .blocked = "bob"}}));
}

TEST_F(BlockFileTest, ADiskThatWasFullInTheMiddleOfALineDoesNotEndTheNextStartUp) {
  {
    BlockFile before = open();
    EXPECT_TRUE(change(before, "alice", "bob"));
    {
      const FileSizeLimit full(file_.text().size() + 10);
      EXPECT_FALSE(change(before, "alice", "carol"));
    }
    EXPECT_TRUE(change(before, "alice", "dave"));
  }
  BlockFile after = open();
  EXPECT_EQ(read(after), (std::vector<chat::BlockChange>{{.user = "alice", .blocked = "bob"},
                                                         {.user = "alice", .blocked = "dave"}}));
}

TEST_F(BlockFileTest, ADamagedFileEndsStartUp) {
  file_.append("nonsense\n");
  EXPECT_THROW(static_cast<void>(open()), std::runtime_error);
}

TEST_F(BlockFileTest, WhatIsInTheFileStaysBeyondALowerLimit) {
  {
    BlockFile before = open();
    EXPECT_TRUE(change(before, "alice", "bob"));
    EXPECT_TRUE(change(before, "alice", "carol"));
  }
  BlockFile after = open({.blocks = 1});
  EXPECT_EQ(read(after).size(), 2);
  EXPECT_FALSE(change(after, "alice", "dave"));
  EXPECT_TRUE(change(after, "alice", "bob", false));
}

TEST_F(BlockFileTest, WhatChangesNothingIsNotWritten) {
  BlockFile file = open();
  EXPECT_TRUE(change(file, "alice", "bob"));
  EXPECT_TRUE(change(file, "alice", "bob"));
  EXPECT_EQ(lines(), 1);
}

TEST_F(BlockFileTest, IsWrittenAnewWhenItHasGrown) {
  BlockFile file = open({.of_user = 100'000});
  std::vector<chat::BlockChange> toggle;
  for (std::size_t i = 0; i < chat::kBlockChangesPerCallMax; ++i) {
    toggle.push_back({.user = "alice", .blocked = "bob", .present = i % 2 == 0});
  }
  ASSERT_TRUE(change(file, "alice", "carol"));
  const std::size_t calls = BlockFile::kChangesMin / toggle.size();
  for (std::size_t i = 0; i < calls; ++i) {
    ASSERT_TRUE(run_to_end(io_, file.change_blocks(toggle)));
    ASSERT_TRUE(
        run_to_end(io_, file.change_blocks(std::span(toggle).first(1))));  // blocked before each call but the first
  }
  EXPECT_LT(lines(), 5);
  EXPECT_TRUE(change(file, "alice", "dave"));
  BlockFile again = open();
  EXPECT_THAT(read(again), ::testing::IsSupersetOf(std::vector<chat::BlockChange>{
                               {.user = "alice", .blocked = "carol"}, {.user = "alice", .blocked = "dave"}}));
}

TEST_F(BlockFileTest, WhatCannotBeWrittenIsNotKept) {
  BlockFile file(file_.path().string() + ".missing/file", [this] { return now_s_; }, "run-1");
  const auto refused = change(file, "alice", "bob");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, chat::ErrorCode::unavailable);
  EXPECT_TRUE(read(file).empty());
}

}  // namespace
}  // namespace simplechat::adapters::memory

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Memory, BlocksContract, ::testing::Values(BlocksFactory(memory::make<memory::MemoryHarness>)));
INSTANTIATE_TEST_SUITE_P(File, BlocksContract, ::testing::Values(BlocksFactory(memory::make<memory::FileHarness>)));
}  // namespace simplechat::adapters::contract

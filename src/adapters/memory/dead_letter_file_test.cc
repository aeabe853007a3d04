#include "adapters/memory/dead_letter_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "adapters/contract/run_to_end.h"

namespace simplechat::adapters::memory {
namespace {

chat::Timestamp fixed_clock() { return 1'700'000'000'000'000; }

class DeadLetterFileTest : public ::testing::Test {
 protected:
  ~DeadLetterFileTest() override { std::filesystem::remove(path_); }

  std::vector<std::string> lines() const {
    std::ifstream file(path_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("dead-letters-" + std::to_string(::getpid()) + ".jsonl");
  boost::asio::io_context io_{1};
};

TEST_F(DeadLetterFileTest, EachKeepAppendsOneLineWithReasonAndRecords) {
  DeadLetterFile file(path_, fixed_clock);
  chat::RecordBatch records;
  records.messages.add({.id = "1", .from = "alice", .to = "bob", .payload = "line\nfeed", .at = 7});
  ASSERT_TRUE(contract::run_to_end(io_, file.keep(records, "refused: \"no\"")));
  ASSERT_TRUE(contract::run_to_end(io_, file.keep(records, "again")));

  const auto kept = lines();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_NE(kept[0].find(R"("at":1700000000000000,"reason":"refused: \"no\"","records":[{)"), std::string::npos);
  EXPECT_NE(kept[0].find(R"("payload":"line\nfeed")"), std::string::npos);
  EXPECT_NE(kept[1].find(R"("reason":"again")"), std::string::npos);
}

class KeepingQueue final : public chat::MessageQueue {
 public:
  chat::Task<chat::Result<void>> publish(const chat::RecordBatch& batch) override {
    if (refuses) co_return chat::fail(chat::ErrorCode::unavailable, "away");
    for (const chat::MessageView& message : batch.messages) published.emplace_back(message.payload);
    co_return chat::Result<void>{};
  }
  bool refuses = false;
  std::vector<std::string> published;
};

chat::RecordBatch record(std::string_view id, std::string_view payload) {
  chat::RecordBatch records;
  records.messages.add({.id = id, .from = "alice", .to = "bob", .payload = payload, .at = 7});
  return records;
}

TEST_F(DeadLetterFileTest, LettersAreListedAndReplayed) {
  DeadLetterFile file(path_, fixed_clock);
  KeepingQueue queue;
  FileDeadLetters letters(file, queue);
  EXPECT_TRUE(contract::run_to_end(io_, letters.list(10))->empty());
  const auto one = record("1", R"(,"records":[)");  // as the file's own key
  const auto two = record("2", "two");
  ASSERT_TRUE(contract::run_to_end(io_, file.keep(one, R"(,"reason": "no")")));
  ASSERT_TRUE(contract::run_to_end(io_, file.keep(two, "never")));

  const auto listed = *contract::run_to_end(io_, letters.list(10));
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].reason, R"(,"reason": "no")");
  EXPECT_EQ(listed[1].reason, "never");
  EXPECT_NE(listed[0].id, listed[1].id);
  EXPECT_EQ(contract::run_to_end(io_, letters.list(1))->size(), 1U);

  queue.refuses = true;
  EXPECT_FALSE(contract::run_to_end(io_, letters.replay({})));
  EXPECT_EQ(lines().size(), 2U);
  queue.refuses = false;
  const std::vector ids{listed[0].id, std::string("unknown")};
  EXPECT_EQ(*contract::run_to_end(io_, letters.replay(ids)), 1U);
  EXPECT_EQ(queue.published, std::vector<std::string>{R"(,"records":[)"});
  EXPECT_EQ(contract::run_to_end(io_, letters.list(10))->front().id, listed[1].id);
  EXPECT_EQ(*contract::run_to_end(io_, letters.replay({})), 1U);
  EXPECT_TRUE(lines().empty());
  EXPECT_EQ(queue.published.back(), "two");
}

TEST_F(DeadLetterFileTest, ALetterIsWholeBehindOneThatACrashCutOff) {
  std::ofstream(path_) << R"({"at":7,"reason":"no","records":[{"id)";
  DeadLetterFile file(path_, fixed_clock);
  ASSERT_TRUE(contract::run_to_end(io_, file.keep(record("2", "two"), "never")));
  const auto listed = *contract::run_to_end(io_, file.list(10));
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].reason, "never");
}

TEST_F(DeadLetterFileTest, AFileThatCannotBeWrittenIsUnavailable) {
  DeadLetterFile file(path_ / "under" / "a" / "missing" / "folder", fixed_clock);
  const auto outcome = contract::run_to_end(io_, file.keep({}, "reason"));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, chat::ErrorCode::unavailable);
}

}  // namespace
}  // namespace simplechat::adapters::memory

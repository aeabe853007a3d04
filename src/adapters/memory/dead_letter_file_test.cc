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

TEST_F(DeadLetterFileTest, AFileThatCannotBeWrittenIsUnavailable) {
  DeadLetterFile file(path_ / "under" / "a" / "missing" / "folder", fixed_clock);
  const auto outcome = contract::run_to_end(io_, file.keep({}, "reason"));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, chat::ErrorCode::unavailable);
}

}  // namespace
}  // namespace simplechat::adapters::memory

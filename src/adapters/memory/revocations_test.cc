#include "adapters/memory/revocations.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "adapters/contract/revocations_contract.h"
#include "adapters/memory/revocation_file.h"
#include "adapters/memory/temporary_file.h"

namespace simplechat::adapters::memory {
namespace {

using contract::run_to_end;

std::int64_t system_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class MemoryHarness final : public contract::RevocationsHarness {
 public:
  chat::Revocations& revocations() override { return revocations_; }
  boost::asio::io_context& io() override { return io_; }

 private:
  boost::asio::io_context io_;
  MemoryRevocations revocations_{system_s, "run-1"};
};

class FileHarness final : public contract::RevocationsHarness {
 public:
  chat::Revocations& revocations() override { return revocations_; }
  boost::asio::io_context& io() override { return io_; }

 private:
  boost::asio::io_context io_;
  TemporaryFile file_;
  RevocationFile revocations_{file_.path(), system_s, "run-1"};
};

std::unique_ptr<contract::RevocationsHarness> memory_harness() { return std::make_unique<MemoryHarness>(); }
std::unique_ptr<contract::RevocationsHarness> file_harness() { return std::make_unique<FileHarness>(); }

chat::Revocation of_user(const std::string& user) {
  return {.what = chat::Revoked::user, .subject = user, .issued_until_s = 17, .kept_until_s = 100};
}

TEST(MemoryRevocations, RefusesMoreThanItMayKeepAndLetsGoOfNone) {
  std::int64_t now_s = 50;
  MemoryRevocations revocations([&] { return now_s; }, "run-1");
  for (std::size_t i = 0; i < chat::kRevocationsMax; ++i) {
    const auto each = of_user(std::to_string(i));
    ASSERT_TRUE(revocations.revoke_now(std::span(&each, 1)));
  }
  auto one_more = of_user("one-more");
  one_more.kept_until_s = 200;
  EXPECT_EQ(revocations.revoke_now(std::span(&one_more, 1)).error().code, chat::ErrorCode::unavailable);
  EXPECT_EQ(revocations.size(), chat::kRevocationsMax);
  now_s = 100;
  EXPECT_TRUE(revocations.revoke_now(std::span(&one_more, 1)));
  EXPECT_EQ(revocations.size(), 1);
}

class RevocationFileTest : public ::testing::Test {
 protected:
  std::vector<chat::Revocation> read(RevocationFile& file) {
    return run_to_end(io_, file.changes_since("")).value().revocations;
  }
  void revoke(RevocationFile& file, const chat::Revocation& revocation) {
    ASSERT_TRUE(run_to_end(io_, file.revoke(std::span(&revocation, 1))));
  }
  RevocationFile open() {
    return {file_.path(), [this] { return now_s_; }, "run"};
  }

  boost::asio::io_context io_;
  TemporaryFile file_;
  std::int64_t now_s_ = 50;
};

TEST_F(RevocationFileTest, RemembersOverARestart) {
  {
    RevocationFile before(file_.path(), [this] { return now_s_; }, "run-1");
    revoke(before, of_user("alice"));
    revoke(before, of_user("bob"));
  }
  RevocationFile after(file_.path(), [this] { return now_s_; }, "run-2");
  EXPECT_EQ(read(after), (std::vector<chat::Revocation>{of_user("alice"), of_user("bob")}));
}

TEST_F(RevocationFileTest, LeavesOutWhatHasRunOutAndWhatACrashCutOff) {
  {
    RevocationFile before(file_.path(), [this] { return now_s_; }, "run-1");
    revoke(before, of_user("alice"));
    auto longer = of_user("bob");
    longer.kept_until_s = 1000;
    revoke(before, longer);
  }
  file_.append(R"({"revocations":[{"user":"car)");
  now_s_ = 500;
  RevocationFile after(file_.path(), [this] { return now_s_; }, "run-2");
  const auto kept = read(after);
  ASSERT_EQ(kept.size(), 1);
  EXPECT_EQ(kept.front().subject, "bob");
  EXPECT_EQ(file_.text(), R"({"revocations":[{"user":"bob","issuedUntil":17,"until":1000}]})"
                          "\n");
}

TEST_F(RevocationFileTest, ADamagedFileEndsStartUp) {
  file_.append("nonsense\n");
  EXPECT_THROW(static_cast<void>(open()), std::runtime_error);
}

TEST_F(RevocationFileTest, WhatCannotBeWrittenIsNotRevoked) {
  RevocationFile file(file_.path().string() + ".missing/file", [this] { return now_s_; }, "run-1");
  const auto revocation = of_user("alice");
  const auto refused = run_to_end(io_, file.revoke(std::span(&revocation, 1)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, chat::ErrorCode::unavailable);
  EXPECT_TRUE(read(file).empty());
}

}  // namespace
}  // namespace simplechat::adapters::memory

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Memory, RevocationsContract, ::testing::Values(RevocationsFactory(memory::memory_harness)));
INSTANTIATE_TEST_SUITE_P(File, RevocationsContract, ::testing::Values(RevocationsFactory(memory::file_harness)));
}  // namespace simplechat::adapters::contract

#include "sv_discover/locator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <span>

#include "adapters/contract/urls_of.h"

namespace simplechat::sv_discover {
namespace {

using adapters::contract::urls_of;
using ::testing::ElementsAre;
using Users = std::vector<std::string>;

// Answers each look-up, that of "alice" with "at-alice", when the test lets it.
class HeldDirectory final : public chat::Directory {
 public:
  explicit HeldDirectory(const boost::asio::any_io_executor& executor) : waiting_(executor) {}

  chat::Task<chat::Result<chat::LeaseState>> renew(const chat::GatewayIdentity&, std::chrono::milliseconds) override {
    co_return chat::fail(chat::ErrorCode::internal, "not part of the test");
  }
  chat::Task<chat::Result<chat::Timestamp>> apply(const chat::GatewayIdentity&,
                                                  std::span<const chat::RecordChange>) override {
    co_return chat::fail(chat::ErrorCode::internal, "not part of the test");
  }
  chat::Task<chat::Result<void>> close(const chat::GatewayIdentity&) override {
    co_return chat::fail(chat::ErrorCode::internal, "not part of the test");
  }
  chat::Task<chat::Result<chat::Locations>> locate(std::span<const std::string> users) override {
    calls.emplace_back(users.begin(), users.end());
    if (held) co_await waiting_.wait_until(std::chrono::steady_clock::time_point::max());
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "the directory is down");
    chat::Locations found;
    for (const std::string& user : calls.back()) {
      found.add_user();
      found.add_gateway("at-" + user);
    }
    co_return found;
  }
  void answer_one() { ASSERT_TRUE(waiting_.wake_one()); }

  std::vector<Users> calls;
  bool held = true;
  bool down = false;

 private:
  runtime::WaitList waiting_;
};

class LocatorTest : public ::testing::Test {
 protected:
  using Outcome = std::optional<chat::Result<chat::Locations>>;

  // The outcome, once it is there.
  std::shared_ptr<Outcome> locate(Users users) {
    const auto outcome = std::make_shared<Outcome>();
    boost::asio::co_spawn(
        io_, locator_.locate(std::move(users)),
        [outcome](const std::exception_ptr&, chat::Result<chat::Locations> found) { *outcome = std::move(found); });
    settle();
    return outcome;
  }
  // Runs everything that can run.
  void settle() {
    io_.restart();
    io_.poll();
  }
  void answer_one() {
    directory_.answer_one();
    settle();
  }

  boost::asio::io_context io_;
  runtime::MetricsRegistry metrics_;
  Probe probe_{metrics_, Locator::kUsersWaitingMax};
  HeldDirectory directory_{io_.get_executor()};
  Locator locator_{io_.get_executor(), directory_, probe_};
};

TEST_F(LocatorTest, AQuestionThatIsAloneIsAskedAtOnce) {
  const auto answer = locate({"alice", "bob"});
  EXPECT_THAT(directory_.calls, ElementsAre(Users{"alice", "bob"}));
  EXPECT_FALSE(answer->has_value());
  answer_one();
  ASSERT_TRUE(answer->has_value());
  EXPECT_THAT(urls_of(answer->value().value()), ElementsAre(Users{"at-alice"}, Users{"at-bob"}));
}

TEST_F(LocatorTest, QuestionsThatComeMeanwhileShareTheNextRound) {
  const auto first = locate({"alice"});
  const auto second = locate({"bob", "carol"});
  const auto nobody = locate({});
  const auto third = locate({"dave", "bob"});
  EXPECT_EQ(directory_.calls.size(), 1U);
  answer_one();
  EXPECT_TRUE(first->has_value());
  EXPECT_THAT(directory_.calls.back(), ElementsAre("bob", "carol", "dave", "bob"));
  EXPECT_FALSE(second->has_value());
  answer_one();
  EXPECT_THAT(urls_of(second->value().value()), ElementsAre(Users{"at-bob"}, Users{"at-carol"}));
  EXPECT_THAT(urls_of(third->value().value()), ElementsAre(Users{"at-dave"}, Users{"at-bob"}));
  EXPECT_EQ(nobody->value()->size(), 0U);
  EXPECT_EQ(directory_.calls.size(), 2U);
  EXPECT_THAT(metrics_.scrape(), ::testing::HasSubstr("simplechat_locate_rounds_total 2"));
}

TEST_F(LocatorTest, WorksOnWithADirectoryThatAnswersAtOnce) {
  directory_.held = false;
  for (const char* user : {"alice", "bob", "carol"}) {
    const auto answer = locate({user});
    ASSERT_TRUE(answer->has_value()) << user;
    EXPECT_THAT(urls_of(answer->value().value()), ElementsAre(Users{std::string("at-") + user}));
  }
  EXPECT_TRUE(locate({})->has_value());
}

TEST_F(LocatorTest, AFailedRoundFailsItsOwnQuestionsOnly) {
  const auto first = locate({"alice"});
  const auto second = locate({"bob"});
  directory_.down = true;
  answer_one();
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ(first->value().error().code, chat::ErrorCode::unavailable);
  directory_.down = false;
  answer_one();
  EXPECT_THAT(urls_of(second->value().value()), ElementsAre(Users{"at-bob"}));
}

TEST_F(LocatorTest, RefusesMoreThanMayWait) {
  const auto first = locate({"alice"});
  const auto second = locate(Users(Locator::kUsersWaitingMax, "bob"));
  const auto third = locate({"carol"});
  ASSERT_TRUE(third->has_value());
  EXPECT_EQ(third->value().error().code, chat::ErrorCode::unavailable);
  answer_one();
  answer_one();
  EXPECT_EQ(second->value().value().size(), Locator::kUsersWaitingMax);
  const auto fourth = locate({"dave"});
  answer_one();
  EXPECT_TRUE(fourth->value().has_value());
}

TEST_F(LocatorTest, StopWaitsForWhatWasAsked) {
  const auto first = locate({"alice"});
  bool stopped = false;
  boost::asio::co_spawn(io_, locator_.stop(), [&](const std::exception_ptr&) { stopped = true; });
  settle();
  EXPECT_FALSE(stopped);
  answer_one();
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(first->value().has_value());
  EXPECT_EQ(locate({"bob"})->value().error().code, chat::ErrorCode::unavailable);
}

}  // namespace
}  // namespace simplechat::sv_discover

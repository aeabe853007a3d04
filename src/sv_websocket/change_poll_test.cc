#include "sv_websocket/change_poll.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <optional>

#include "sv_websocket/fakes_test.h"

namespace simplechat::sv_websocket {
namespace {

class ChangePollTest : public ::testing::Test {
 protected:
  void TearDown() override {
    barrier_.let_go();
    auto ended = boost::asio::co_spawn(reactor_.io(), poll_.stop(), boost::asio::use_future);
    testing::run_until(reactor_, [&] { return ended.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  }

  chat::Task<chat::Result<bool>> ask() {
    ++asked_;
    co_await barrier_.pass();
    if (away_) co_return chat::fail(chat::ErrorCode::unavailable, "away");
    ++heard_;
    co_return pages_ > 0 && pages_-- > 0;
  }
  void catch_up() {
    caught_up_.reset();
    boost::asio::co_spawn(
        reactor_.io(), poll_.catch_up(),
        [this](const std::exception_ptr&, const chat::Result<void>& outcome) { caught_up_ = outcome; });
  }

  runtime::Reactor reactor_{0};
  testing::Barrier barrier_{reactor_};
  bool away_ = false;
  int asked_ = 0;
  int heard_ = 0;
  int pages_ = 0;  // further ones
  std::optional<chat::Result<void>> caught_up_;
  ChangePoll poll_{reactor_, "not_heard", [this] { return ask(); }};
};

TEST_F(ChangePollTest, AsksAgainAtOnceWhileThereIsMore) {
  pages_ = 5;
  const auto began = std::chrono::steady_clock::now();
  poll_.start();
  testing::run_until(reactor_, [&] { return heard_ == 6; });
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5 * ChangePoll::kAskEvery);
  testing::run_until(reactor_, [&] { return heard_ == 7; });
  EXPECT_GE(std::chrono::steady_clock::now() - began, ChangePoll::kAskEvery);
}

TEST_F(ChangePollTest, CatchingUpDoesNotTrustAnAnswerThatWasOnItsWay) {
  barrier_.hold();
  poll_.start();
  testing::run_until(reactor_, [&] { return asked_ == 1; });
  catch_up();
  testing::run_until(reactor_, [&] { return barrier_.waiting() == 1; });
  barrier_.let_go();
  barrier_.hold();
  testing::run_until(reactor_, [&] { return asked_ == 2; });
  EXPECT_EQ(heard_, 1);
  EXPECT_FALSE(caught_up_);
  barrier_.let_go();
  testing::run_until(reactor_, [&] { return caught_up_.has_value(); });
  EXPECT_TRUE(caught_up_->has_value());
  EXPECT_EQ(heard_, 2);
}

TEST_F(ChangePollTest, CatchingUpAsksAtOnceAndSaysIfItFails) {
  poll_.start();
  testing::run_until(reactor_, [&] { return heard_ == 1; });
  away_ = true;
  const auto began = std::chrono::steady_clock::now();
  catch_up();
  testing::run_until(reactor_, [&] { return caught_up_.has_value(); });
  EXPECT_FALSE(caught_up_->has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - began, ChangePoll::kAskEvery / 2);
  away_ = false;
  catch_up();
  testing::run_until(reactor_, [&] { return caught_up_.has_value(); });
  EXPECT_TRUE(caught_up_->has_value());
}

TEST_F(ChangePollTest, WhoWaitsIsToldOfTheEnd) {
  barrier_.hold();
  poll_.start();
  testing::run_until(reactor_, [&] { return asked_ == 1; });
  catch_up();
  boost::asio::co_spawn(reactor_.io(), poll_.stop(), boost::asio::detached);
  testing::run_until(reactor_, [&] { return caught_up_.has_value(); });
  EXPECT_FALSE(caught_up_->has_value());
}

}  // namespace
}  // namespace simplechat::sv_websocket

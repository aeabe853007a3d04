#include "sv_websocket/revocation_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <memory>
#include <string>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "adapters/memory/revocations.h"

namespace simplechat::sv_websocket {
namespace {

using adapters::memory::MemoryRevocations;

chat::Revocation of_user(const std::string& user) {
  return {.what = chat::Revoked::user, .subject = user, .issued_until_s = 17, .kept_until_s = 1000};
}

// A store that may be away, and be replaced by an empty one.
class Store final : public chat::Revocations {
 public:
  chat::Task<chat::Result<void>> revoke(std::span<const chat::Revocation> revocations) override {
    if (away || read_only) co_return chat::fail(chat::ErrorCode::unavailable, "away");
    co_return memory->revoke_now(revocations);
  }
  chat::Task<chat::Result<chat::RevocationChanges>> changes_since(const std::string& version) override {
    ++asked;
    if (away) co_return chat::fail(chat::ErrorCode::unavailable, "away");
    co_return memory->changes_now(version);
  }
  void add(const chat::Revocation& revocation) { EXPECT_TRUE(memory->revoke_now(std::span(&revocation, 1))); }
  void lose_all() {
    memory = std::make_unique<MemoryRevocations>([] { return std::int64_t{50}; }, "run-2");
  }

  std::unique_ptr<MemoryRevocations> memory =
      std::make_unique<MemoryRevocations>([] { return std::int64_t{50}; }, "run-1");
  bool away = false;
  bool read_only = false;
  int asked = 0;
};

class RevocationWatchTest : public ::testing::Test {
 protected:
  ~RevocationWatchTest() override {
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
  [[nodiscard]] bool heard(const std::string& user) const { return std::ranges::find(heard_, user) != heard_.end(); }

  runtime::Reactor reactor_{0};
  Store store_;
  std::vector<std::string> heard_;
  int batches_ = 0;
  RevocationWatch watch_{reactor_,
                         store_,
                         {.revoked =
                              [this](const RevocationWatch::Batch& batch) {
                                ++batches_;
                                for (const chat::Revocation& each : *batch) heard_.push_back(each.subject);
                              },
                          .forget = [](std::int64_t) {},
                          .now_s = [] { return std::int64_t{50}; }}};
};

TEST_F(RevocationWatchTest, TellsAtFirstAllThatThereIsAtOnce) {
  for (std::size_t i = 0; i < chat::kRevocationsPerCallMax + 5; ++i) store_.add(of_user("user-" + std::to_string(i)));
  watch_.start();
  run_until([&] { return batches_ > 0; });
  EXPECT_EQ(batches_, 1);
  EXPECT_EQ(heard_.size(), chat::kRevocationsPerCallMax + 5);
}

TEST_F(RevocationWatchTest, TellsAlsoThatThereIsNothing) {
  watch_.start();
  run_until([&] { return batches_ > 0; });
  EXPECT_TRUE(heard_.empty());
  run_until_asked_again();
  EXPECT_EQ(batches_, 1) << "an idle ask is not passed on";
}

TEST_F(RevocationWatchTest, HearsWhatIsRevokedElsewhere) {
  watch_.start();
  run_until([&] { return batches_ > 0; });
  store_.add(of_user("alice"));
  run_until([&] { return heard("alice"); });
}

TEST_F(RevocationWatchTest, WhatIsRevokedHereIsInForceAtOnceAndKept) {
  watch_.start();
  run_until([&] { return batches_ > 0; });
  EXPECT_TRUE(adapters::contract::run_to_end(reactor_.io(), watch_.revoke(of_user("alice"))));
  EXPECT_TRUE(heard("alice"));
  EXPECT_EQ(store_.memory->size(), 1);
  store_.away = true;
  EXPECT_FALSE(adapters::contract::run_to_end(reactor_.io(), watch_.revoke(of_user("bob"))));
  EXPECT_FALSE(heard("bob"));
}

TEST_F(RevocationWatchTest, NothingIsToldWhileTheStoreIsAway) {
  store_.away = true;
  watch_.start();
  run_until_asked_again();
  EXPECT_EQ(batches_, 0);
  store_.away = false;
  run_until([&] { return batches_ > 0; });
}

TEST_F(RevocationWatchTest, AStoreThatLostItsDataIsToldAgain) {
  store_.add(of_user("alice"));
  watch_.start();
  run_until([&] { return heard("alice"); });
  store_.lose_all();
  run_until([&] { return store_.memory->size() == 1; });
  EXPECT_EQ(store_.memory->changes_now("").revocations.front().subject, "alice");
}

TEST_F(RevocationWatchTest, AStoreThatCannotTakeThemYetIsToldLater) {
  store_.add(of_user("alice"));
  watch_.start();
  run_until([&] { return heard("alice"); });
  store_.read_only = true;
  store_.lose_all();
  for (std::size_t i = 0; i < chat::kRevocationsPerCallMax + 5; ++i) store_.add(of_user("user-" + std::to_string(i)));
  run_until([&] { return heard("user-" + std::to_string(chat::kRevocationsPerCallMax + 4)); });
  run_until_asked_again();
  EXPECT_EQ(store_.memory->size(), chat::kRevocationsPerCallMax + 5);
  store_.read_only = false;
  run_until([&] { return store_.memory->size() == chat::kRevocationsPerCallMax + 6; });
}

}  // namespace
}  // namespace simplechat::sv_websocket

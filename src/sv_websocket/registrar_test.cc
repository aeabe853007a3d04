#include "sv_websocket/registrar.h"

#include "sv_websocket/fakes_test.h"

namespace simplechat::sv_websocket {
namespace {

using testing::FakeDirectory;
using testing::run_until;

class RegistrarTest : public ::testing::Test {
 protected:
  void ensure(const std::string& user, std::uint64_t fence) {
    registrar_.ensure(user, fence, reactor_, [this, user](const chat::Result<void>& outcome) {
      outcomes_[user].push_back(outcome.has_value());
    });
  }

  void stop(Registrar::Leaving leaving) {
    registrar_.start();
    run_until(reactor_, [&] { return directory_.renewals >= 1; });
    bool stopped = false;
    boost::asio::co_spawn(reactor_.executor(), registrar_.stop(leaving),
                          [&](const std::exception_ptr&) { stopped = true; });
    run_until(reactor_, [&] { return stopped; });
  }

  runtime::Reactor reactor_{0};
  FakeDirectory directory_{reactor_};
  int registered_again_ = 0;
  int resyncs_ = 0;
  std::map<std::string, std::vector<bool>> outcomes_;
  chat::HybridLogicalClock clock_{1000, [] { return 0; }};
  Registrar registrar_{reactor_,
                       directory_,
                       clock_,
                       {.url = "http://own", .incarnation = "1"},
                       std::chrono::milliseconds(30),
                       {.register_all_again = [this] { ++registered_again_; }, .resync_all = [this] { ++resyncs_; }}};
};

TEST_F(RegistrarTest, AnswersOnlyOnceTheDirectoryHoldsTheRecord) {
  directory_.barrier.hold();
  ensure("alice", 1);
  run_until(reactor_, [&] { return directory_.barrier.waiting() == 1; });
  reactor_.io().poll();
  EXPECT_TRUE(outcomes_.empty());
  directory_.barrier.let_go();
  run_until(reactor_, [&] { return !outcomes_.empty(); });
  EXPECT_EQ(outcomes_["alice"], std::vector{true});
  EXPECT_TRUE(directory_.present["alice"]);
}

TEST_F(RegistrarTest, JoinsWhatComesWhileABatchIsInFlightAndTheLatestFenceWins) {
  directory_.barrier.hold();
  ensure("first", 1);
  run_until(reactor_, [&] { return directory_.barrier.waiting() == 1; });
  ensure("alice", 5);
  registrar_.release("alice", 6);
  ensure("alice", 7);
  registrar_.release("bob", 9);
  ensure("bob", 8);  // older than the release, whatever the order of arrival
  reactor_.io().poll();
  directory_.barrier.let_go();
  run_until(reactor_, [&] { return outcomes_["alice"].size() == 2 && outcomes_["bob"].size() == 1; });
  ASSERT_EQ(directory_.applied.size(), 2U);
  EXPECT_EQ(directory_.applied[1].size(), 2U);
  EXPECT_TRUE(directory_.present["alice"]);
  EXPECT_FALSE(directory_.present["bob"]);
}

TEST_F(RegistrarTest, ARegistrationFailsWhenTheDirectoryIsDown) {
  directory_.down = true;
  ensure("alice", 1);
  run_until(reactor_, [&] { return !outcomes_.empty(); });
  EXPECT_EQ(outcomes_["alice"], std::vector{false});
}

TEST_F(RegistrarTest, WhoIsToBeRegisteredAgainIsSoThoughARegistrationOfTheSameUserFailed) {
  directory_.down = true;
  registrar_.ensure("alice", 1, reactor_, {});  // of a session that is there, after the directory lost its records
  ensure("alice", 2);
  run_until(reactor_, [&] { return !outcomes_.empty(); });
  EXPECT_EQ(outcomes_["alice"], std::vector{false});
  directory_.down = false;
  run_until(reactor_, [&] { return directory_.present["alice"]; });
}

TEST_F(RegistrarTest, AReleaseIsRepeatedUntilTheDirectoryIsBack) {
  directory_.down = true;
  directory_.present["alice"] = true;
  registrar_.release("alice", 2);
  ensure("bob", 1);  // fails, and shows that the batch was tried
  run_until(reactor_, [&] { return !outcomes_.empty(); });
  directory_.down = false;
  run_until(reactor_, [&] { return !directory_.present["alice"]; });
}

TEST_F(RegistrarTest, RegistersAllAgainAndThenResyncsWhenTheDirectoryLostItsRecords) {
  registrar_.start();
  run_until(reactor_, [&] { return directory_.renewals >= 2; });
  EXPECT_EQ(resyncs_, 0) << "the first lease of a new gateway is no loss";
  const int before = registered_again_;
  directory_.keeps_records = false;
  run_until(reactor_, [&] { return registered_again_ > before; });
  EXPECT_EQ(resyncs_, 0) << "the records are being written";
  run_until(reactor_, [&] { return resyncs_ == 1; });
  const int renewals = directory_.renewals;
  run_until(reactor_, [&] { return directory_.renewals >= renewals + 2; });
  EXPECT_EQ(resyncs_, 1);
}

TEST_F(RegistrarTest, ALossIsNoticedThoughTheAnswerThatToldOfItWasLost) {
  registrar_.start();
  run_until(reactor_, [&] { return directory_.renewals >= 2; });
  const int before = registered_again_;
  directory_.down = true;
  const int renewals = directory_.renewals;
  run_until(reactor_, [&] { return directory_.renewals > renewals; });
  ++directory_.opening;  // by a renewal that it did, though its answer did not arrive
  directory_.down = false;
  run_until(reactor_, [&] { return registered_again_ > before; });
}

TEST_F(RegistrarTest, ADirectoryThatWasAwayForAMomentHasLostNothing) {
  registrar_.start();
  run_until(reactor_, [&] { return directory_.renewals >= 2; });
  const int before = registered_again_;
  directory_.down = true;
  const int renewals = directory_.renewals;
  run_until(reactor_, [&] { return directory_.renewals > renewals; });
  directory_.down = false;
  run_until(reactor_, [&] { return directory_.renewals > renewals + 3; });
  EXPECT_EQ(registered_again_, before);
}

TEST_F(RegistrarTest, WhoIsRegisteredAnswersLaterThanTheDirectorysTime) {
  directory_.now = 5'000'000;
  ensure("alice", 1);
  run_until(reactor_, [&] { return !outcomes_.empty(); });
  EXPECT_GT(clock_.now(), 5'000'000);
  directory_.now = 7'000'000;
  ensure("bob", 2);
  run_until(reactor_, [&] { return outcomes_.size() == 2; });
  EXPECT_GT(clock_.now(), 7'000'000);
}

TEST_F(RegistrarTest, ANewGatewaysClockGoesBackToTheDirectorysTimeBeforeAnybodyIsRegistered) {
  directory_.now = 10;
  ensure("alice", 1);
  run_until(reactor_, [&] { return !outcomes_.empty(); });
  EXPECT_EQ(clock_.now(), 11);
}

TEST_F(RegistrarTest, KeepsTheClockByTheDirectorys) {
  directory_.now = 5'000'000;
  registrar_.start();
  run_until(reactor_, [&] { return directory_.renewals >= 2; });
  EXPECT_EQ(clock_.now(), 5'000'001);
  directory_.now = 9'000'000'000;  // beyond what another gateway's message could do
  const int renewals = directory_.renewals;
  run_until(reactor_, [&] { return directory_.renewals >= renewals + 2; });
  EXPECT_EQ(clock_.now(), 9'000'000'001);
}

TEST_F(RegistrarTest, ResyncsWhenAnotherGatewayHasDied) {
  registrar_.start();
  run_until(reactor_, [&] { return directory_.renewals >= 2; });
  EXPECT_EQ(resyncs_, 0) << "who died before this gateway came concerns none of its sessions";
  const int before = registered_again_;
  ++directory_.deaths;
  run_until(reactor_, [&] { return resyncs_ == 1; });
  EXPECT_EQ(registered_again_, before);
  const int renewals = directory_.renewals;
  run_until(reactor_, [&] { return directory_.renewals >= renewals + 2; });
  EXPECT_EQ(resyncs_, 1);
}

TEST_F(RegistrarTest, GivesTheLeaseBack) {
  stop(Registrar::Leaving::with_nothing_to_tell);
  EXPECT_TRUE(directory_.closed);
}

TEST_F(RegistrarTest, LeavesTheLeaseToRunOutIfTheOthersMustTellSomebody) {
  stop(Registrar::Leaving::with_something_to_tell);
  EXPECT_FALSE(directory_.closed);
}

}  // namespace
}  // namespace simplechat::sv_websocket

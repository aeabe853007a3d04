#include "sv_websocket/router.h"

#include "sv_websocket/fakes_test.h"

namespace simplechat::sv_websocket {
namespace {

using testing::Barrier;
using testing::FakeDirectory;
using testing::FakeRelay;
using testing::run_until;
using Frames = std::vector<std::pair<std::string, std::string>>;

constexpr char kOwn[] = "http://own";
constexpr char kOther[] = "http://other";
constexpr char kThird[] = "http://third";
constexpr char kResync[] = R"({"type":"resync"})";

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() { router_.connect({nullptr, &second_mailbox_}); }

  void deliver(const std::string& user, const std::string& frame,
               chat::FrameClass frame_class = chat::FrameClass::message) {
    router_.deliver({.user = user, .frame = frame, .frame_class = frame_class}, 1, {});
  }

  // A first frame finds bob at kOther.
  void find_bob() {
    directory_.gateways["bob"] = {kOther};
    deliver("bob", "0");
    poll();
    relay_.delivered.clear();
  }

  // Time passes, with a store that is up to date, until the frames missed are due.
  void tick() {
    now_ += MissedUsers::kAgainAfter;
    router_.tick(now_, now_);
    poll();
  }
  void poll() {
    for (int i = 0; i < 20; ++i) {
      reactor_.io().poll();
      second_reactor_.io().poll();
    }
  }

  Frames relayed(const std::string& url) {
    Frames frames;
    for (const auto& batch : relay_.delivered) {
      if (batch.url == url) frames.insert(frames.end(), batch.frames.begin(), batch.frames.end());
    }
    return frames;
  }

  runtime::Reactor reactor_{0};
  runtime::Reactor second_reactor_{1};
  runtime::TurnEnd turn_end_{reactor_};
  runtime::MetricsRegistry metrics_;
  Probe probe_{metrics_};
  Roster roster_;
  FakeDirectory directory_{reactor_};
  FakeRelay relay_{reactor_};
  MissedUsers::TimePoint now_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  Frames here_;
  std::vector<SessionKey> excepted_;
  Frames second_;
  DeliveryMailbox second_mailbox_{second_reactor_, 1024, [this](const HandedDeliveries& batch) {
                                    for (std::size_t i = 0; i < batch.deliveries.size(); ++i)
                                      second_.emplace_back(batch.deliveries[i].user, batch.deliveries[i].frame);
                                  }};
  Router router_{{.reactor = reactor_,
                  .turn_end = turn_end_,
                  .roster = roster_,
                  .directory = directory_,
                  .relay = relay_,
                  .probe = probe_,
                  .own_url = kOwn,
                  .to_sessions = [this](const chat::DeliveryView& delivery, SessionKey except) {
                    here_.emplace_back(delivery.user, delivery.frame);
                    excepted_.push_back(except);
                  }}};
};

TEST_F(RouterTest, GivesAFrameToThisReactorsSessionsAtOnce) {
  roster_.add("bob", 0);
  const SessionKey sender{.slot = 3, .generation = 1};
  router_.deliver({.user = "bob", .frame = "f"}, 1, sender);
  EXPECT_EQ(here_, (Frames{{"bob", "f"}}));
  EXPECT_EQ(excepted_, std::vector{sender});
}

TEST_F(RouterTest, PostsToTheReactorThatHoldsTheUser) {
  roster_.add("bob", 1);
  deliver("bob", "1");
  deliver("bob", "2");
  reactor_.io().poll();
  EXPECT_TRUE(here_.empty());
  second_reactor_.io().poll();
  EXPECT_EQ(second_, (Frames{{"bob", "1"}, {"bob", "2"}}));
}

TEST_F(RouterTest, JoinsATurnsFramesIntoOneLookUpAndOneBatch) {
  directory_.gateways["bob"] = {kOther};
  directory_.gateways["carol"] = {kOther, kOwn};
  deliver("bob", "1");
  deliver("carol", "2");
  deliver("bob", "3");
  run_until(reactor_, [&] { return !relay_.delivered.empty(); });
  EXPECT_EQ(directory_.look_ups, 1);
  ASSERT_EQ(relay_.delivered.size(), 1U);
  EXPECT_EQ(relay_.delivered[0].frames, (Frames{{"bob", "1"}, {"carol", "2"}, {"bob", "3"}}));
}

TEST_F(RouterTest, FillsTheNextBatchWhileOneIsInFlight) {
  directory_.gateways["bob"] = {kOther};
  relay_.barrier.hold();
  deliver("bob", "1");
  run_until(reactor_, [&] { return relay_.barrier.waiting() == 1; });
  for (const char* frame : {"2", "3"}) {
    const int before = directory_.look_ups;
    deliver("bob", frame);
    run_until(reactor_, [&] { return directory_.look_ups > before; });
  }
  reactor_.io().poll();
  EXPECT_EQ(relay_.barrier.waiting(), 1U) << "one batch in flight";
  relay_.barrier.let_go();
  run_until(reactor_, [&] { return relay_.delivered.size() == 2; });
  EXPECT_EQ(relay_.delivered[1].frames, (Frames{{"bob", "2"}, {"bob", "3"}}));
}

TEST_F(RouterTest, LooksAgainWhenAGatewayDoesNotHoldTheUser) {
  directory_.gateways["bob"] = {kOther};
  relay_.absent.insert({kOther, "bob"});
  directory_.barrier.hold();
  deliver("bob", "1");
  run_until(reactor_, [&] { return directory_.barrier.waiting() == 1; });
  directory_.barrier.let_go();
  run_until(reactor_, [&] { return relay_.calls == 1; });
  directory_.gateways["bob"] = {kThird};  // moved there
  run_until(reactor_, [&] { return !relayed(kThird).empty(); });
  EXPECT_EQ(relayed(kThird), (Frames{{"bob", "1"}}));
}

TEST_F(RouterTest, GivesUpOnAStaleRecordAfterTheSecondLook) {
  directory_.gateways["bob"] = {kOther};
  relay_.absent.insert({kOther, "bob"});
  deliver("bob", "1");
  run_until(reactor_, [&] { return relay_.calls == 2; });
  for (int i = 0; i < 10; ++i) reactor_.io().poll();
  EXPECT_EQ(directory_.look_ups, 2);
  EXPECT_EQ(relay_.calls, 2);
}

TEST_F(RouterTest, TellsAUserToResyncOnceTheDirectoryIsBack) {
  directory_.gateways["bob"] = {kOther};
  directory_.down = true;
  deliver("bob", "1");
  poll();
  tick();  // still down: bob is noted again
  directory_.down = false;
  EXPECT_TRUE(relayed(kOther).empty());
  tick();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", kResync}}));
  tick();
  EXPECT_EQ(relayed(kOther).size(), 1U) << "once";
}

TEST_F(RouterTest, TellsAUserToResyncOnceTheGatewayIsBack) {
  directory_.gateways["bob"] = {kOther};
  relay_.down = true;
  deliver("bob", "1");
  poll();
  relay_.down = false;
  tick();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", kResync}}));
}

TEST_F(RouterTest, TellsToResyncOnlyOnceTheStoreHasWhatWasMissed) {
  directory_.gateways["bob"] = {kOther};
  relay_.down = true;
  deliver("bob", "1");
  poll();
  relay_.down = false;
  const auto before = std::chrono::steady_clock::now() - std::chrono::hours(1);
  router_.tick(before, now_ + std::chrono::seconds(60));
  poll();
  EXPECT_TRUE(relayed(kOther).empty());
  tick();
  EXPECT_EQ(relayed(kOther).size(), 1U);
}

TEST_F(RouterTest, AMessageThatIsStoredLateLeadsToAResyncOfAllSessionsThatAreThereThen) {
  router_.tick(now_, now_);
  router_.message_routed("bob");  // nobody's session was found
  const auto routed = now_;
  directory_.gateways["bob"] = {kOther};
  roster_.add("bob", 0);
  router_.tick(routed - std::chrono::milliseconds(1), now_ += MissedUsers::kCheckAfter);
  poll();
  EXPECT_TRUE(relayed(kOther).empty());
  tick();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", kResync}}));
  EXPECT_EQ(here_, (Frames{{"bob", kResync}}));
}

TEST_F(RouterTest, DropsEphemeralFramesThatCannotBeHandedOver) {
  directory_.gateways["bob"] = {kOther};
  directory_.gateways["carol"] = {kOther};
  directory_.down = true;
  deliver("bob", "typing", chat::FrameClass::ephemeral);
  deliver("carol", "message");
  poll();
  directory_.down = false;
  tick();
  EXPECT_EQ(relayed(kOther), (Frames{{"carol", kResync}}));
}

TEST_F(RouterTest, AFullMailboxLeadsToAResyncHere) {
  roster_.add("bob", 1);
  deliver("bob", std::string(1000, 'x'));
  reactor_.io().poll();
  deliver("bob", std::string(1000, 'y'));  // over the mailbox's 1 024 bytes
  poll();
  ASSERT_EQ(second_.size(), 1U);
  tick();
  ASSERT_EQ(second_.size(), 2U);
  EXPECT_EQ(second_[1].second, kResync);
}

// Frames of a user who was found before.
class RouterHintTest : public RouterTest {
 protected:
  RouterHintTest() { find_bob(); }

  // Both hops stand still until they are let go.
  void hold() {
    directory_.barrier.hold();
    relay_.barrier.hold();
  }
  void answer(Barrier& first, Barrier& second) {
    first.let_go();
    poll();
    second.let_go();
    poll();
  }
};

TEST_F(RouterHintTest, GoToThatGatewayWhileTheDirectoryIsAsked) {
  directory_.barrier.hold();
  deliver("bob", "1");
  poll();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", "1"}}));
  EXPECT_EQ(directory_.look_ups, 2);
  directory_.barrier.let_go();
  poll();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", "1"}})) << "once";
}

TEST_F(RouterHintTest, GoToGatewaysThatWereNotKnownAfterTheLookUp) {
  directory_.gateways["bob"] = {kOther, kThird};
  deliver("bob", "1");
  poll();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", "1"}}));
  EXPECT_EQ(relayed(kThird), (Frames{{"bob", "1"}}));
}

TEST_F(RouterHintTest, FollowAUserWhoMovedAndKeepTheirOrder) {
  relay_.absent.insert({kOther, "bob"});
  directory_.gateways["bob"] = {kThird};
  hold();
  deliver("bob", "1");
  poll();
  deliver("bob", "2");
  answer(relay_.barrier, directory_.barrier);
  EXPECT_EQ(relayed(kThird), (Frames{{"bob", "1"}, {"bob", "2"}}));
  EXPECT_EQ(directory_.look_ups, 3) << "one for each frame, and none because it was not at the old place";
}

TEST_F(RouterHintTest, DoNotOvertakeOneThatWaitsForItsLookUp) {
  relay_.absent.insert({kOther, "bob"});
  directory_.gateways["bob"] = {kThird};
  deliver("bob", "1");
  poll();
  relay_.absent.clear();
  directory_.barrier.hold();
  directory_.gateways["bob"] = {};
  deliver("bob", "2");  // to kThird, as hinted
  poll();
  directory_.barrier.let_go();
  poll();  // nowhere: no hint any more
  directory_.gateways["bob"] = {kThird};
  directory_.barrier.hold();
  deliver("bob", "3");
  poll();
  deliver("bob", "4");
  poll();
  EXPECT_EQ(relayed(kThird), (Frames{{"bob", "1"}, {"bob", "2"}}));
  directory_.barrier.let_go();
  poll();
  EXPECT_EQ(relayed(kThird), (Frames{{"bob", "1"}, {"bob", "2"}, {"bob", "3"}, {"bob", "4"}}));
}

TEST_F(RouterHintTest, AreLookedUpAgainIfTheNamedGatewayDoesNotHoldTheUser) {
  relay_.absent.insert({kOther, "bob"});
  hold();
  deliver("bob", "1");
  poll();
  directory_.barrier.let_go();
  poll();
  directory_.gateways["bob"] = {kThird};  // moved in between
  relay_.barrier.let_go();
  poll();
  EXPECT_EQ(relayed(kThird), (Frames{{"bob", "1"}}));
}

TEST_F(RouterHintTest, AreLookedUpAgainIfTheDirectoryNamesThePlaceWhereTheUserWasNot) {
  relay_.absent.insert({kOther, "bob"});
  directory_.barrier.hold();
  deliver("bob", "1");
  poll();
  EXPECT_EQ(directory_.look_ups, 2) << "not before that one has answered";
  relay_.absent.clear();  // there by now
  directory_.barrier.let_go();
  poll();
  EXPECT_EQ(directory_.look_ups, 3);
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", "1"}}));
}

TEST_F(RouterHintTest, DoNotOvertakeOneThatIsLookedUpAgain) {
  relay_.absent.insert({kOther, "bob"});
  relay_.barrier.hold();
  deliver("bob", "1");
  poll();  // the directory names the place
  directory_.barrier.hold();
  relay_.barrier.let_go();
  poll();  // but bob was not there
  relay_.absent.clear();
  deliver("bob", "2");
  poll();
  EXPECT_TRUE(relayed(kOther).empty());
  directory_.barrier.let_go();
  poll();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", "1"}, {"bob", "2"}}));
}

TEST_F(RouterHintTest, LeadToNoResyncIfAGatewayFailsThatTheUserHasLeft) {
  relay_.down = true;
  directory_.gateways["bob"] = {};
  deliver("bob", "1");
  poll();
  relay_.down = false;
  directory_.gateways["bob"] = {kOther};
  tick();
  EXPECT_TRUE(relayed(kOther).empty());
}

TEST_F(RouterHintTest, LeadToAResyncIfTheNamedGatewayFails) {
  for (Barrier* first : {&relay_.barrier, &directory_.barrier}) {
    relay_.down = true;
    hold();
    deliver("bob", "1");
    poll();
    answer(*first, first == &relay_.barrier ? directory_.barrier : relay_.barrier);
    relay_.down = false;
    tick();
    EXPECT_EQ(relayed(kOther), (Frames{{"bob", kResync}}));
    relay_.delivered.clear();
  }
}

TEST_F(RouterHintTest, AreWithTheirUserAlsoIfTheDirectoryFails) {
  directory_.down = true;
  deliver("bob", "1");
  poll();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", "1"}}));
  directory_.down = false;
  tick();
  EXPECT_EQ(relayed(kOther), (Frames{{"bob", "1"}, {"bob", kResync}})) << "there may be sessions elsewhere";
}

// The ticket of a message is done when it has been handed to every gateway that holds its user, or that has failed.
class RouterHandoverTest : public RouterTest {
 protected:
  void send() {
    const Handovers::Ticket ticket = router_.handovers().open();
    router_.deliver({.user = "bob", .frame = "1"}, 1, {}, ticket);
    router_.handovers().done(ticket);
    router_.handovers().when_done(ticket, now_, [this] { handed_over_ = true; });
  }

  bool handed_over_ = false;
};

TEST_F(RouterHandoverTest, EndsWithTheLookUpIfTheUserIsNowhereElse) {
  directory_.barrier.hold();
  send();
  poll();
  EXPECT_FALSE(handed_over_);
  directory_.barrier.let_go();
  poll();
  EXPECT_TRUE(handed_over_);
}

TEST_F(RouterHandoverTest, EndsWhenEveryGatewayHasIt) {
  directory_.gateways["bob"] = {kOther, kThird};
  relay_.barrier.hold();
  send();
  poll();
  EXPECT_EQ(relay_.barrier.waiting(), 2U);
  EXPECT_FALSE(handed_over_);
  relay_.barrier.let_go();
  poll();
  EXPECT_TRUE(handed_over_);
}

TEST_F(RouterHandoverTest, IncludesTheSecondLook) {
  directory_.gateways["bob"] = {kOther};
  relay_.absent.insert({kOther, "bob"});
  send();
  run_until(reactor_, [&] { return relay_.calls == 1; });
  directory_.barrier.hold();
  poll();
  EXPECT_FALSE(handed_over_);
  directory_.barrier.let_go();
  poll();
  EXPECT_TRUE(handed_over_);
}

TEST_F(RouterHandoverTest, WaitsForAHintedGatewayThatTheDirectoryNames) {
  find_bob();
  relay_.barrier.hold();
  send();
  poll();
  EXPECT_FALSE(handed_over_);
  relay_.barrier.let_go();
  poll();
  EXPECT_TRUE(handed_over_);
}

TEST_F(RouterHandoverTest, DoesNotWaitForAHintedGatewayThatTheUserHasLeft) {
  find_bob();
  relay_.barrier.hold();
  directory_.gateways["bob"] = {};
  send();
  poll();
  EXPECT_TRUE(handed_over_);
  relay_.barrier.let_go();
  poll();
}

TEST_F(RouterHandoverTest, WaitsForTheLookUpAfterAHint) {
  find_bob();
  directory_.barrier.hold();
  send();
  poll();
  EXPECT_FALSE(handed_over_);
  directory_.barrier.let_go();
  poll();
  EXPECT_TRUE(handed_over_);
}

TEST_F(RouterHandoverTest, EndsWithAFailure) {
  directory_.gateways["bob"] = {kOther};
  relay_.down = true;
  send();
  poll();
  EXPECT_TRUE(handed_over_);
}

}  // namespace
}  // namespace simplechat::sv_websocket

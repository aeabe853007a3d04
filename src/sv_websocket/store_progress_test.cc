#include "sv_websocket/store_progress.h"

#include "sv_websocket/fakes_test.h"

namespace simplechat::sv_websocket {
namespace {

using testing::FakeQueue;
using testing::FakeReader;

class StoreProgressTest : public ::testing::Test {
 protected:
  void publish(const std::string& from, const std::string& id, bool confirmed = true) {
    const auto publishing = progress_.begin();
    chat::MessageBatch batch;
    batch.add({.id = id, .from = from, .to = "x", .payload = "p", .at = 1});
    progress_.end(publishing, batch, confirmed);
  }
  void check() {
    progress_.check();
    reactor_.io().poll();
    reactor_.io().restart();
  }

  runtime::Reactor reactor_{0};
  FakeQueue queue_{reactor_};
  FakeReader reader_;
  StoreProgress progress_{reactor_, queue_, reader_};
};

TEST_F(StoreProgressTest, AsksNothingWhileNothingIsPublished) {
  const auto before = StoreProgress::Clock::now();
  check();
  EXPECT_GE(progress_.stored_until(), before);
  EXPECT_EQ(reader_.asked, 0);
}

TEST_F(StoreProgressTest, StandsUntilTheStoreHasTheLatestOfEachLane) {
  publish("0", "first");
  publish("1", "second");
  const auto published = StoreProgress::Clock::now();
  check();  // takes the samples
  reader_.stored = {"first"};
  check();
  EXPECT_LT(progress_.stored_until(), published);
  reader_.stored = {"first", "second"};
  check();
  EXPECT_GE(progress_.stored_until(), published);
}

TEST_F(StoreProgressTest, DoesNotPassWhatIsStillBeingPublished) {
  const auto publishing = progress_.begin();
  const auto begun = StoreProgress::Clock::now();
  publish("0", "later");
  reader_.stored = {"later"};
  check();
  check();
  check();
  EXPECT_LE(progress_.stored_until(), begun);
  progress_.end(publishing, {}, false);
  check();
  EXPECT_GT(progress_.stored_until(), begun);
}

TEST_F(StoreProgressTest, AConfirmThatComesLateDoesNotHideALaterMessage) {
  const auto first = progress_.begin();
  publish("0", "second");
  chat::MessageBatch batch;
  batch.add({.id = "first", .from = "0", .to = "x", .payload = "p", .at = 1});
  progress_.end(first, batch, true);
  const auto published = StoreProgress::Clock::now();
  check();
  reader_.stored = {"first"};
  check();
  EXPECT_LT(progress_.stored_until(), published);
  reader_.stored = {"first", "second"};
  check();
  EXPECT_GE(progress_.stored_until(), published);
}

TEST_F(StoreProgressTest, AMessageThatWasNotConfirmedHoldsUpNothing) {
  publish("0", "refused", false);
  const auto published = StoreProgress::Clock::now();
  check();
  EXPECT_GE(progress_.stored_until(), published);
  EXPECT_EQ(reader_.asked, 0);
}

TEST_F(StoreProgressTest, GoesOnWithWhatWasPublishedMeanwhile) {
  publish("0", "first");
  check();
  publish("0", "second");
  const auto published = StoreProgress::Clock::now();
  reader_.stored = {"first"};
  check();
  EXPECT_LT(progress_.stored_until(), published);
  reader_.stored = {"first", "second"};
  check();
  EXPECT_GE(progress_.stored_until(), published);
}

TEST_F(StoreProgressTest, AStoreThatDoesNotAnswerIsAskedAgain) {
  publish("0", "first");
  const auto published = StoreProgress::Clock::now();
  reader_.stored = {"first"};
  reader_.down = true;
  check();
  check();
  EXPECT_LT(progress_.stored_until(), published);
  reader_.down = false;
  check();
  EXPECT_GE(progress_.stored_until(), published);
}

// Here time passes for real: kSuspectAfter.
TEST_F(StoreProgressTest, AMessageThatTheStoreRefusedIsPassedOverOnceALaterOneIsThere) {
  publish("0", "poison");
  check();
  publish("0", "later");
  const auto published = StoreProgress::Clock::now();
  reader_.stored = {"later"};
  testing::run_until(reactor_, [&] {
    progress_.check();
    return progress_.stored_until() >= published;
  });
}

}  // namespace
}  // namespace simplechat::sv_websocket

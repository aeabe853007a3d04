#include "sv_websocket/handovers.h"

#include <gtest/gtest.h>

#include <string>

namespace simplechat::sv_websocket {
namespace {

class HandoversTest : public ::testing::Test {
 protected:
  void when_done(Handovers::Ticket ticket, char name) {
    handovers_.when_done(ticket, now_, [this, name] { ran_ += name; });
  }

  Handovers handovers_;
  Handovers::TimePoint now_{};
  std::string ran_;
};

TEST_F(HandoversTest, RunsAtOnceWhatHasNothingLeftToWaitFor) {
  const auto ticket = handovers_.open();
  handovers_.done(ticket);
  when_done(ticket, 'a');
  when_done(Handovers::kNone, 'b');
  EXPECT_EQ(ran_, "ab");
}

TEST_F(HandoversTest, WaitsForTheLastPart) {
  const auto ticket = handovers_.open();
  handovers_.add(ticket);
  handovers_.add(ticket);
  handovers_.done(ticket);
  when_done(ticket, 'a');
  handovers_.done(ticket);
  EXPECT_EQ(ran_, "");
  handovers_.done(ticket);
  EXPECT_EQ(ran_, "a");
  EXPECT_EQ(handovers_.waiting(), 0U);
}

TEST_F(HandoversTest, ASlowOneHoldsUpNoOther) {
  const auto slow = handovers_.open();
  const auto quick = handovers_.open();
  when_done(slow, 's');
  when_done(quick, 'q');
  handovers_.done(quick);
  EXPECT_EQ(ran_, "q");
  const auto next = handovers_.open();
  handovers_.done(slow);
  EXPECT_EQ(ran_, "qs");
  when_done(next, 'n');
  handovers_.done(next);
  EXPECT_EQ(ran_, "qsn");
}

TEST_F(HandoversTest, NothingWaitsForLongerThanItsBound) {
  const auto ticket = handovers_.open();
  when_done(ticket, 'a');
  handovers_.run_overdue(now_ + Handovers::kWaitMax - std::chrono::milliseconds(1));
  EXPECT_EQ(ran_, "");
  handovers_.run_overdue(now_ + Handovers::kWaitMax);
  EXPECT_EQ(ran_, "a");
  handovers_.done(ticket);
  EXPECT_EQ(ran_, "a") << "once";
}

}  // namespace
}  // namespace simplechat::sv_websocket

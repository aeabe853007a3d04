#include "sv_websocket/drain.h"

#include <gtest/gtest.h>

namespace simplechat::sv_websocket {
namespace {

using std::chrono::milliseconds;

TEST(Drain, SpreadsTheSessionsOverThePartOfTheTime) {
  constexpr milliseconds kTime{8000};
  const auto due = [&](int ms, int begin, int end) { return Drain::due(1000, milliseconds(ms), kTime, begin, end); };
  EXPECT_EQ(due(0, 0, 4), 0U);
  EXPECT_EQ(due(1000, 0, 4), 250U);
  EXPECT_EQ(due(2000, 0, 4), 500U);
  EXPECT_EQ(due(4000, 0, 4), 1000U);
  EXPECT_EQ(due(7999, 0, 4), 1000U);
  EXPECT_EQ(due(4000, 5, 8), 0U);
  EXPECT_EQ(due(5000, 5, 8), 0U);
  EXPECT_EQ(due(6500, 5, 8), 500U);
  EXPECT_EQ(due(8000, 5, 8), 1000U);
}

TEST(Drain, NobodyIsClosedBeforeItsTimeToLeaveIsOver) {
  constexpr milliseconds kTime{8000};
  constexpr std::size_t kSlots = 100;
  const auto when = [&](std::size_t slot, int begin, int end) {
    int ms = 0;
    while (Drain::due(kSlots, milliseconds(ms), kTime, begin, end) <= slot) ++ms;
    return ms;
  };
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const int told_ms = when(slot, 0, 4);
    const int quiet_ms = when(slot, 4, 7);
    const int closed_ms = when(slot, 5, 8);
    EXPECT_GE(quiet_ms, told_ms + 3000);
    EXPECT_GE(closed_ms, quiet_ms + 999);
  }
}

TEST(Drain, WithoutTimeEverybodyIsDueAtOnce) { EXPECT_EQ(Drain::due(10, milliseconds(0), milliseconds(0), 0, 4), 10U); }

}  // namespace
}  // namespace simplechat::sv_websocket

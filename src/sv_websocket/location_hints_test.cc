#include "sv_websocket/location_hints.h"

#include <gtest/gtest.h>

#include <optional>

namespace simplechat::sv_websocket {
namespace {

constexpr char kOther[] = "http://other";
constexpr char kThird[] = "http://third";

class LocationHintsTest : public ::testing::Test {
 protected:
  std::optional<std::string> take(std::string_view user) {
    const std::string* url = hints_.take(user);
    return url == nullptr ? std::nullopt : std::optional(*url);
  }
  // A look-up that finds bob there; `more_wait`: for the next one.
  void look_up(std::string_view url, bool more_wait = false) {
    hints_.began();
    hints_.found("bob", url, more_wait);
    hints_.ended();
  }

  LocationHints hints_;
};

TEST_F(LocationHintsTest, AUserIsWhereTheLatestLookUpFoundIt) {
  EXPECT_EQ(take("bob"), std::nullopt);
  look_up(kOther);
  EXPECT_EQ(take("bob"), kOther);
  EXPECT_EQ(take("carol"), std::nullopt);
  look_up(kThird);
  EXPECT_EQ(take("bob"), kThird);
  hints_.forget("bob");
  EXPECT_EQ(take("bob"), std::nullopt);
}

TEST_F(LocationHintsTest, AHintIsNotGivenBeforeItsLookUpIsOver) {
  hints_.began();
  hints_.found("bob", kOther, false);
  EXPECT_EQ(take("bob"), std::nullopt) << "and this frame waits in the next one";
  hints_.ended();
  EXPECT_EQ(take("bob"), std::nullopt);
}

TEST_F(LocationHintsTest, NoFrameOvertakesOneThatWaits) {
  look_up(kOther, true);
  EXPECT_EQ(take("bob"), std::nullopt) << "waits in the second look-up";
  hints_.began();
  EXPECT_EQ(take("bob"), std::nullopt) << "waits in the third, behind the second";
  hints_.found("bob", kOther, true);
  hints_.ended();
  EXPECT_EQ(take("bob"), std::nullopt) << "waits in the third";
  hints_.began();
  hints_.ended();
  EXPECT_EQ(take("bob"), kOther);
}

TEST_F(LocationHintsTest, AFrameOfAMovedUserDoesNotOvertakeThoseThatWait) {
  look_up(kOther);
  look_up(kThird, true);
  EXPECT_EQ(take("bob"), std::nullopt);
}

TEST_F(LocationHintsTest, IsBounded) {
  hints_.began();
  for (std::size_t i = 0; i <= LocationHints::kUsersMax; ++i) {
    hints_.found(std::to_string(i), kOther, false);
    ASSERT_LE(hints_.users(), LocationHints::kUsersMax);
  }
  hints_.ended();
  EXPECT_EQ(take("0"), std::nullopt) << "forgotten with the others";
  EXPECT_EQ(take(std::to_string(LocationHints::kUsersMax)), kOther);
}

}  // namespace
}  // namespace simplechat::sv_websocket

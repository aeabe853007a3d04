#include "sv_websocket/gatekeeper.h"

#include <gtest/gtest.h>

#include <charconv>
#include <string>
#include <vector>

namespace simplechat::sv_websocket {
namespace {

using chat::Revocation;
using chat::Revoked;

// Takes "<issued> <id>" for a token of the claimed user.
class PlainTokens final : public chat::Authenticator {
 public:
  [[nodiscard]] chat::Result<chat::Identity> authenticate(std::string_view claimed,
                                                          std::string_view token) const override {
    if (token == "bad") return chat::fail(chat::ErrorCode::unauthorized, "bad");
    chat::Identity identity{.user = std::string(claimed)};
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), identity.issued_s);
    if (end != token.data() + token.size()) identity.token_id = std::string(end + 1, token.data() + token.size());
    return identity;
  }
  [[nodiscard]] bool reads_tokens() const override { return true; }
};

Revocation of_user(const std::string& user, std::int64_t issued_until_s, std::int64_t kept_until_s = 1000) {
  return {.what = Revoked::user, .subject = user, .issued_until_s = issued_until_s, .kept_until_s = kept_until_s};
}
Revocation of_token(const std::string& id, std::int64_t kept_until_s = 1000) {
  return {.what = Revoked::token, .subject = id, .kept_until_s = kept_until_s};
}

class GatekeeperTest : public ::testing::Test {
 protected:
  [[nodiscard]] bool admits(std::string_view user, std::string_view token) const {
    return gatekeeper_.admit(user, token).has_value();
  }
  void revoke(const Revocation& revocation) { gatekeeper_.revoke(std::span(&revocation, 1)); }

  const PlainTokens tokens_;
  Gatekeeper gatekeeper_{tokens_};
};

TEST_F(GatekeeperTest, ARevokedUsersEarlierTokensCountNoMore) {
  EXPECT_TRUE(admits("alice", "10"));
  revoke(of_user("alice", 20));
  EXPECT_FALSE(admits("alice", "10"));
  EXPECT_FALSE(admits("alice", "20"));
  EXPECT_FALSE(admits("alice", "0")) << "one that does not say when it was issued";
  EXPECT_TRUE(admits("alice", "21"));
  EXPECT_TRUE(admits("alic", "10"));
  EXPECT_TRUE(admits("bob", "10"));
  revoke(of_user("alice", 15));
  EXPECT_FALSE(admits("alice", "20")) << "the later time counts";
  EXPECT_EQ(gatekeeper_.admit("alice", "10").error().code, chat::ErrorCode::unauthorized);
}

TEST_F(GatekeeperTest, ARevokedTokenCountsNoMore) {
  revoke(of_token("t-1"));
  EXPECT_FALSE(admits("alice", "10 t-1"));
  EXPECT_TRUE(admits("alice", "10 t-2"));
  EXPECT_TRUE(admits("alice", "10"));
  EXPECT_TRUE(admits("t-1", "10")) << "a user of that name";
}

TEST_F(GatekeeperTest, ForgetsWhatHasRunOut) {
  revoke(of_user("alice", 20, 100));
  revoke(of_token("t-1", 100));
  revoke(of_token("t-2", 101));
  gatekeeper_.forget(99);
  EXPECT_EQ(gatekeeper_.revocations(), 3);
  gatekeeper_.forget(100);
  EXPECT_EQ(gatekeeper_.revocations(), 1);
  EXPECT_TRUE(admits("alice", "10 t-1"));
  EXPECT_FALSE(admits("alice", "10 t-2"));
}

TEST_F(GatekeeperTest, LetsNobodyInUntilItKnowsWhatIsRevoked) {
  gatekeeper_.await_revocations();
  EXPECT_EQ(gatekeeper_.admit("alice", "10").error().code, chat::ErrorCode::unavailable);
  EXPECT_EQ(gatekeeper_.admit("alice", "bad").error().code, chat::ErrorCode::unauthorized);
  gatekeeper_.revoke({});
  EXPECT_TRUE(admits("alice", "10"));
}

TEST(Gatekeeper, BelievedClaimsAreNotRevoked) {
  const chat::TrustingAuthenticator trusting;
  Gatekeeper gatekeeper(trusting);
  const Revocation revocation = of_user("alice", 20);
  gatekeeper.revoke(std::span(&revocation, 1));
  EXPECT_TRUE(gatekeeper.admit("alice", ""));
}

}  // namespace
}  // namespace simplechat::sv_websocket

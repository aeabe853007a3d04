#include "adapters/jwt/token_signer.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "adapters/jwt/base64url.h"
#include "adapters/jwt/jwt_authenticator.h"
#include "adapters/jwt/test_signer.h"

namespace simplechat::adapters::jwt {
namespace {

const std::string kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::int64_t kNow = 1'700'000'000;

TEST(TokenSigner, MakesTokensThatAreAccepted) {
  const Expectations expected{.issuer = "login", .audience = "chat", .clock = [] { return kNow; }};
  const TokenClaims claims{.user = "alice",
                           .issued_s = kNow - 5,
                           .expires_s = kNow + 60,
                           .issuer = "login",
                           .audience = "chat",
                           .token_id = "t-1"};
  const auto check = [&](const TokenSigner& signer, const chat::Authenticator& authenticator) {
    const auto identity = authenticator.authenticate("alice", make_token(signer, claims));
    ASSERT_TRUE(identity) << signer.algorithm() << ": " << identity.error().message;
    EXPECT_EQ(identity->valid_for, std::chrono::seconds(60));
    EXPECT_EQ(identity->issued_s, kNow - 5);
    EXPECT_EQ(identity->token_id, "t-1");
  };
  check(*secret_signer(kSecret), *with_secret(kSecret, expected));
  for (const TestSigner& pair : {TestSigner::rs256(), TestSigner::es256(), TestSigner::eddsa()}) {
    check(*private_key_signer(pair.private_pem()), *with_public_key(pair.public_pem(), expected));
  }
}

TEST(TokenSigner, LeavesOutWhatIsNotGiven) {
  const std::string token = make_token(*secret_signer(kSecret), {.user = "alice", .issued_s = 7, .expires_s = 0});
  const std::size_t dot = token.find('.');
  EXPECT_EQ(decode_base64url(token.substr(0, dot)), R"({"alg":"HS256","typ":"JWT"})");
  EXPECT_EQ(decode_base64url(token.substr(dot + 1, token.rfind('.') - dot - 1)), R"({"sub":"alice","iat":7})");
}

TEST(TokenSigner, RefusesUnusableKeys) {
  EXPECT_THROW(static_cast<void>(secret_signer("short")), std::runtime_error);
  EXPECT_THROW(static_cast<void>(private_key_signer("no key")), std::runtime_error);
  EXPECT_THROW(static_cast<void>(private_key_signer(TestSigner::eddsa().public_pem())), std::runtime_error);
  EXPECT_THROW(static_cast<void>(private_key_signer(TestSigner::es256("P-384").private_pem())), std::runtime_error);
  EXPECT_THROW(static_cast<void>(private_key_signer(TestSigner::rs256(1024).private_pem())), std::runtime_error);
}

}  // namespace
}  // namespace simplechat::adapters::jwt

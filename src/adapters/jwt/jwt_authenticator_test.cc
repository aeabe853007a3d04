#include "adapters/jwt/jwt_authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "adapters/jwt/base64url.h"
#include "adapters/jwt/test_signer.h"

namespace simplechat::adapters::jwt {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kNow = 1'700'000'000;
const std::string kSecret = "0123456789abcdef0123456789abcdef";

std::int64_t fixed_clock() { return kNow; }

std::unique_ptr<chat::Authenticator> authenticator_for(const TestSigner& signer) {
  return signer.algorithm() == "HS256" ? with_secret(kSecret, {.clock = fixed_clock})
                                       : with_public_key(signer.public_pem(), {.clock = fixed_clock});
}

std::string at(std::string_view claim, std::int64_t seconds) {
  return R"({"sub":"alice",")" + std::string(claim) + "\":" + std::to_string(seconds) + "}";
}

void expect_refused(const chat::Authenticator& authenticator, std::string_view claimed, const std::string& token,
                    const std::string& reason) {
  const auto user = authenticator.authenticate(claimed, token);
  ASSERT_FALSE(user) << "accepted as " << user->user << ", expected: " << reason;
  EXPECT_EQ(user.error().code, chat::ErrorCode::unauthorized);
  EXPECT_THAT(user.error().message, HasSubstr(reason));
  if (!token.empty()) EXPECT_THAT(user.error().message, Not(HasSubstr(token)));
}

// One run for each of the four algorithms.
class EveryAlgorithm : public testing::TestWithParam<TestSigner> {
 protected:
  void expect_accepted(const std::string& token) const {
    const auto user = authenticator_->authenticate("", token);
    ASSERT_TRUE(user) << user.error().message;
    EXPECT_EQ(user->user, "alice");
  }
  void expect_refused(const std::string& token, const std::string& reason) const {
    jwt::expect_refused(*authenticator_, "", token, reason);
  }

  const TestSigner signer_ = GetParam();
  const std::unique_ptr<chat::Authenticator> authenticator_ = authenticator_for(signer_);
};

INSTANTIATE_TEST_SUITE_P(Jwt, EveryAlgorithm,
                         testing::Values(TestSigner::hs256(kSecret), TestSigner::rs256(), TestSigner::es256(),
                                         TestSigner::eddsa()),
                         [](const auto& instance) { return instance.param.algorithm(); });

TEST_P(EveryAlgorithm, NamesTheSubject) { expect_accepted(signer_.token(R"({"sub":"alice"})")); }

TEST_P(EveryAlgorithm, AcceptsClaimsThatItDoesNotKnow) {
  expect_accepted(
      signer_.token(R"({"iss":"i","aud":["a"],"iat":1,"jti":"j","sub":"alice","deep":{"sub":"eve","exp":1}})"));
}

TEST_P(EveryAlgorithm, RefusesChangedClaims) {
  const std::string token = signer_.token(R"({"sub":"alice"})");
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  expect_refused(token.substr(0, first + 1) + encode_base64url(R"({"sub":"eve"})") + token.substr(second),
                 "signature is wrong");
}

TEST_P(EveryAlgorithm, RefusesAChangedHeader) {
  const std::string token = signer_.token(R"({"sub":"alice"})");
  const std::string header = encode_base64url(R"({"alg":")" + signer_.algorithm() + R"("})");
  expect_refused(header + token.substr(token.find('.')), "signature is wrong");
}

TEST_P(EveryAlgorithm, RefusesAnotherKeysSignature) {
  const std::string claims = R"({"sub":"alice"})";
  if (signer_.algorithm() == "HS256") {
    return expect_refused(TestSigner::hs256(std::string(32, 'x')).token(claims), "signature is wrong");
  }
  if (signer_.algorithm() == "RS256") return expect_refused(TestSigner::rs256().token(claims), "signature is wrong");
  if (signer_.algorithm() == "ES256") return expect_refused(TestSigner::es256().token(claims), "signature is wrong");
  expect_refused(TestSigner::eddsa().token(claims), "signature is wrong");
}

TEST_P(EveryAlgorithm, RefusesAnAbsentSignature) {
  const std::string token = signer_.token(R"({"sub":"alice"})");
  expect_refused(token.substr(0, token.rfind('.') + 1), "signature is wrong");
}

TEST_P(EveryAlgorithm, RefusesAlgorithmNone) {
  for (const std::string name : {"none", "None", "NONE", ""}) {
    const std::string text =
        encode_base64url(R"({"alg":")" + name + R"("})") + "." + encode_base64url(R"({"sub":"alice"})") + ".";
    expect_refused(text, "not signed with " + signer_.algorithm());
    expect_refused(signer_.token(R"({"alg":")" + name + R"("})", R"({"sub":"alice"})"),
                   "not signed with " + signer_.algorithm());
  }
}

TEST_P(EveryAlgorithm, RefusesAnyOtherAlgorithmNameUnderAValidSignature) {
  for (const std::string name :
       {"HS256", "HS384", "HS512", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"}) {
    if (name == signer_.algorithm()) continue;
    expect_refused(signer_.token(R"({"alg":")" + name + R"("})", R"({"sub":"alice"})"),
                   "not signed with " + signer_.algorithm());
  }
  for (const std::string header : {"{}", R"({"alg":null})", R"({"alg":256})", R"({"ALG":"HS256"})"}) {
    expect_refused(signer_.token(header, R"({"sub":"alice"})"), "not signed with " + signer_.algorithm());
  }
}

TEST_P(EveryAlgorithm, BelievesNoClaimBeforeTheSignature) {
  const std::string token = signer_.token(at("exp", 1));
  expect_refused(token, "has expired");
  expect_refused(token.substr(0, token.rfind('.') + 1), "signature is wrong");
}

// The public key is known to all: as the secret of an HS256 token it must prove nothing.
TEST(JwtAuthenticator, RefusesThePublicKeyUsedAsSecret) {
  for (const TestSigner& owner : {TestSigner::rs256(), TestSigner::es256(), TestSigner::eddsa()}) {
    const auto forger = TestSigner::hs256(owner.public_pem());
    const auto authenticator = authenticator_for(owner);
    expect_refused(*authenticator, "", forger.token(R"({"sub":"alice"})"), "not signed with " + owner.algorithm());
    const std::string header = R"({"alg":")" + owner.algorithm() + R"("})";
    expect_refused(*authenticator, "", forger.token(header, R"({"sub":"alice"})"), "signature is wrong");
  }
}

class JwtAuthenticatorTest : public testing::Test {
 protected:
  void expect_accepted(std::string_view claims) const {
    const auto user = authenticator_->authenticate("", signer_.token(claims));
    ASSERT_TRUE(user) << claims << ": " << user.error().message;
    EXPECT_EQ(user->user, "alice");
  }
  void expect_claims_refused(std::string_view claims, const std::string& reason) const {
    SCOPED_TRACE(claims);
    expect_refused(*authenticator_, "", signer_.token(claims), reason);
  }
  void expect_token_refused(const std::string& token, const std::string& reason) const {
    expect_refused(*authenticator_, "", token, reason);
  }

  const TestSigner signer_ = TestSigner::hs256(kSecret);
  const std::unique_ptr<chat::Authenticator> authenticator_ = authenticator_for(signer_);
};

TEST_F(JwtAuthenticatorTest, HoldsTheClaimAgainstTheSubject) {
  const std::string token = signer_.token(R"({"sub":"alice"})");
  EXPECT_TRUE(authenticator_->authenticate("alice", token));
  for (const std::string_view other : {"bob", "Alice", "alic", "alicee"}) {
    expect_refused(*authenticator_, other, token, "belongs to another user");
  }
}

TEST_F(JwtAuthenticatorTest, RefusesASubjectThatIsNoUserId) {
  for (const std::string_view claims : {"{}", R"({"sub":null})", R"({"sub":7})", R"({"sub":""})", R"({"sub":"#group"})",
                                        R"({"sub":"a,b"})", R"({"sub":"alice\u0000"})", R"({"sub":["alice"]})"}) {
    expect_claims_refused(claims, "sub is not a user id");
  }
  expect_claims_refused(R"({"sub":")" + std::string(65, 'a') + R"("})", "sub is not a user id");
}

TEST_F(JwtAuthenticatorTest, HonoursExpiryToTheSecond) {
  expect_accepted(at("exp", kNow + 1));
  expect_claims_refused(at("exp", kNow), "has expired");
  expect_claims_refused(at("exp", 0), "has expired");
  expect_claims_refused(at("exp", -1), "has expired");
  expect_accepted(at("exp", std::numeric_limits<std::int64_t>::max()));
  expect_claims_refused(at("exp", std::numeric_limits<std::int64_t>::min()), "has expired");
}

TEST_F(JwtAuthenticatorTest, HonoursNotBeforeWithLeeway) {
  expect_accepted(at("nbf", kNow - 1));
  expect_accepted(at("nbf", kNow + 30));
  expect_claims_refused(at("nbf", kNow + 31), "not valid yet");
  expect_claims_refused(at("nbf", std::numeric_limits<std::int64_t>::max()), "not valid yet");
}

TEST_F(JwtAuthenticatorTest, ReadsDatesAsNumericDates) {
  expect_accepted(R"({"sub":"alice","exp":1700000000.5})");
  expect_claims_refused(R"({"sub":"alice","exp":1699999999.5})", "has expired");
  expect_accepted(R"({"sub":"alice","exp":1.8e9})");
  for (const std::string_view date : {R"("1800000000")", "null", "true", "{}", "[1800000000]"}) {
    expect_claims_refused(R"({"sub":"alice","exp":)" + std::string(date) + "}", "not a number");
    expect_claims_refused(R"({"sub":"alice","nbf":)" + std::string(date) + "}", "not a number");
  }
  expect_claims_refused(R"({"sub":"alice","exp":1e999})", "not a JSON Web Token");
}

TEST_F(JwtAuthenticatorTest, TellsWhatBoundsTheProof) {
  const auto identity = authenticator_->authenticate(
      "", signer_.token(R"({"sub":"alice","exp":1700000060.5,"iat":1699999999.9,"jti":"t-1"})"));
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->valid_for, std::chrono::seconds(61));
  EXPECT_EQ(identity->issued_s, 1'699'999'999);
  EXPECT_EQ(identity->token_id, "t-1");
  const auto bare = authenticator_->authenticate("", signer_.token(R"({"sub":"alice"})"));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->valid_for, std::nullopt);
  EXPECT_EQ(bare->issued_s, 0);
  EXPECT_EQ(bare->token_id, "");
  for (const std::string_view date : {"-5", "1e300", "0"}) {
    const auto odd =
        authenticator_->authenticate("", signer_.token(R"({"sub":"alice","iat":)" + std::string(date) + "}"));
    ASSERT_TRUE(odd);
    EXPECT_EQ(odd->issued_s, 0) << date;
  }
  expect_claims_refused(R"({"sub":"alice","iat":"now"})", "not a number");
  expect_claims_refused(R"({"sub":"alice","jti":")" + std::string(kTokenIdBytesMax + 1, 'x') + R"("})",
                        "jti is too long");
}

TEST_F(JwtAuthenticatorTest, HoldsIssuerAndAudienceAgainstTheExpectedOnes) {
  const auto expecting = with_secret(kSecret, {.issuer = "https://login", .audience = "chat", .clock = fixed_clock});
  const auto accepts = [&](const std::string& claims) {
    return expecting->authenticate("", signer_.token(R"({"sub":"alice")" + claims + "}")).has_value();
  };
  EXPECT_TRUE(accepts(R"(,"iss":"https://login","aud":"chat")"));
  EXPECT_TRUE(accepts(R"(,"iss":"https://login","aud":["mail","chat"])"));
  for (const std::string claims :
       {R"(,"aud":"chat")", R"(,"iss":"https://login/","aud":"chat")", R"(,"iss":["https://login"],"aud":"chat")",
        R"(,"iss":"https://login")", R"(,"iss":"https://login","aud":"chats")", R"(,"iss":"https://login","aud":[])",
        R"(,"iss":"https://login","aud":[["chat"]])", R"(,"iss":"https://login","aud":{"chat":1})",
        R"(,"iss":"https://login","aud":null)", R"(,"iss":"https://login","iss":"x","aud":"chat")"}) {
    EXPECT_FALSE(accepts(claims)) << claims;
  }
  // Where none is expected, none is looked at.
  expect_accepted(R"({"sub":"alice","iss":7,"aud":"anybody"})");
}

TEST_F(JwtAuthenticatorTest, RefusesAFieldThatIsThereTwice) {
  expect_claims_refused(R"({"sub":"alice","sub":"bob"})", "the same field twice");
  expect_claims_refused(R"({"sub":"alice","exp":1800000000,"exp":1})", "the same field twice");
  expect_claims_refused(R"({"sub":"alice","nbf":1,"nbf":1800000000})", "the same field twice");
  expect_token_refused(signer_.token(R"({"alg":"HS256","alg":"none"})", R"({"sub":"alice"})"), "the same field twice");
}

TEST_F(JwtAuthenticatorTest, RefusesACriticalHeader) {
  for (const std::string_view critical : {R"(["b64"])", R"(["exp"])", "[]", "null"}) {
    const std::string header = R"({"alg":"HS256","b64":false,"crit":)" + std::string(critical) + "}";
    expect_token_refused(signer_.token(header, R"({"sub":"alice"})"), "extension that is not supported");
  }
}

TEST_F(JwtAuthenticatorTest, RefusesAnyOtherNumberOfParts) {
  const std::string token = signer_.token(R"({"sub":"alice"})");
  expect_token_refused(token.substr(0, token.rfind('.')), "not a JSON Web Token");
  expect_token_refused(token + ".", "not a JSON Web Token");
  expect_token_refused(token + ".e30.e30", "not a JSON Web Token");
  expect_token_refused("alice", "not a JSON Web Token");
  expect_token_refused("..", "not a JSON Web Token");
  expect_token_refused("", "a token is required");
}

TEST_F(JwtAuthenticatorTest, RefusesOtherEncodings) {
  const std::string token = signer_.token(R"({"sub":"alice"})");
  expect_token_refused(token + "=", "not a JSON Web Token");
  expect_token_refused(" " + token, "not a JSON Web Token");
  expect_token_refused(token + "\n", "not a JSON Web Token");
  expect_token_refused("Bearer " + token, "not a JSON Web Token");
  expect_token_refused("e!0" + token.substr(token.find('.')), "not a JSON Web Token");

  const std::string text = encode_base64url(R"({"alg":"HS256"})") + ".e30=";  // signed, padded claims
  expect_token_refused(text + "." + encode_base64url(signer_.signature(text)), "not a JSON Web Token");
}

TEST_F(JwtAuthenticatorTest, RefusesWhatIsNotAJsonObject) {
  for (const std::string_view text :
       {"", "alice", "[]", "\"alice\"", "null", "{", R"({"sub":"alice"}x)", "{\"sub\":\"\xff\"}"}) {
    expect_claims_refused(text, "not a JSON Web Token");
    expect_token_refused(signer_.token(text, R"({"sub":"alice"})"), "not a JSON Web Token");
  }
}

TEST_F(JwtAuthenticatorTest, BoundsTheTokensLength) {
  std::string claims = R"({"sub":"alice","pad":")" + std::string(6'000, 'x') + '"';
  while (signer_.token(claims + "}").size() < kTokenBytesMax) claims.insert(claims.size() - 1, 1, 'x');
  claims.push_back('}');
  ASSERT_EQ(signer_.token(claims).size(), kTokenBytesMax);
  expect_accepted(claims);
  claims.insert(claims.size() - 2, 1, 'x');
  expect_claims_refused(claims, "too long");
  expect_token_refused(std::string(1'000'000, 'A'), "too long");
}

TEST_F(JwtAuthenticatorTest, HoldsTheSystemClockByDefault) {
  const auto authenticator = with_secret(kSecret);
  EXPECT_FALSE(authenticator->authenticate("", signer_.token(at("exp", kNow))));  // in 2023
  EXPECT_TRUE(authenticator->authenticate("", signer_.token(at("exp", system_seconds() + 3600))));
}

TEST(JwtAuthenticator, RefusesUnusableKeys) {
  EXPECT_THROW(static_cast<void>(with_secret("short")), std::runtime_error);
  EXPECT_THROW(static_cast<void>(with_public_key("no key")), std::runtime_error);
}

TEST_P(EveryAlgorithm, ServesManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20;
  const std::string good = signer_.token(R"({"sub":"alice"})");
  const std::string bad = good.substr(0, good.rfind('.') + 1);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        EXPECT_TRUE(authenticator_->authenticate("alice", good));
        EXPECT_FALSE(authenticator_->authenticate("alice", bad));
      }
    });
  }
}

}  // namespace
}  // namespace simplechat::adapters::jwt

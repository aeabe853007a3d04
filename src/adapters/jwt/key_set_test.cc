#include "adapters/jwt/key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/jwt/base64url.h"
#include "adapters/jwt/test_signer.h"

namespace simplechat::adapters::jwt {
namespace {

using testing::HasSubstr;

const std::string kSecret = "0123456789abcdef0123456789abcdef";

std::string set_of(const std::vector<std::string>& keys) {
  std::string json = R"({"keys":[)";
  for (const std::string& key : keys) json += (json.ends_with('[') ? "" : ",") + key;
  return json + "]}";
}

std::shared_ptr<const KeySet> parse(const std::vector<std::string>& keys) {
  auto set = KeySet::parse(set_of(keys));
  EXPECT_TRUE(set) << set.error().message;
  return set ? *set : nullptr;
}

void expect_chosen(const KeySet& set, const TestSigner& signer, std::optional<std::string_view> id) {
  const auto verifier = set.choose(signer.algorithm(), id);
  ASSERT_TRUE(verifier) << signer.algorithm() << ": " << verifier.error().message;
  EXPECT_TRUE((*verifier)->accepts("text", signer.signature("text"))) << signer.algorithm();
  EXPECT_FALSE((*verifier)->accepts("other", signer.signature("text"))) << signer.algorithm();
}

void expect_none(const KeySet& set, std::string_view algorithm, std::optional<std::string_view> id,
                 chat::ErrorCode code) {
  const auto verifier = set.choose(algorithm, id);
  ASSERT_FALSE(verifier);
  EXPECT_EQ(verifier.error().code, code) << verifier.error().message;
}

TEST(KeySet, ReadsEveryKindOfKey) {
  const std::vector<TestSigner> signers{TestSigner::hs256(kSecret), TestSigner::rs256(), TestSigner::es256(),
                                        TestSigner::eddsa()};
  std::vector<std::string> keys;
  for (const TestSigner& signer : signers) keys.push_back(signer.jwk(R"("kid":")" + signer.algorithm() + "\""));
  const auto set = parse(keys);
  ASSERT_EQ(set->size(), signers.size());
  for (const TestSigner& signer : signers) {
    expect_chosen(*set, signer, signer.algorithm());
    expect_chosen(*set, signer, std::nullopt);
  }
}

TEST(KeySet, ChoosesByTheKeyIdAndNeverAnotherKey) {
  const auto first = TestSigner::es256();
  const auto second = TestSigner::es256();
  const auto set = parse({first.jwk(R"("kid":"1")"), second.jwk(R"("kid":"2")")});
  expect_chosen(*set, first, "1");
  expect_chosen(*set, second, "2");
  const auto chosen = set->choose("ES256", "1");
  ASSERT_TRUE(chosen);
  EXPECT_FALSE((*chosen)->accepts("text", second.signature("text")));
  expect_none(*set, "ES256", "3", chat::ErrorCode::not_found);
  expect_none(*set, "ES256", "", chat::ErrorCode::not_found);
  expect_none(*set, "ES256", std::nullopt, chat::ErrorCode::unauthorized);  // two would fit
  expect_none(*set, "HS256", "1", chat::ErrorCode::unauthorized);           // the key's algorithm counts
  expect_none(*set, "", "1", chat::ErrorCode::unauthorized);
}

TEST(KeySet, ATokenWithAKeyIdNeedsAKeyWithThatId) {
  const auto signer = TestSigner::eddsa();
  const auto set = parse({signer.jwk()});
  expect_chosen(*set, signer, std::nullopt);
  expect_none(*set, "EdDSA", "1", chat::ErrorCode::not_found);
}

TEST(KeySet, OneConfiguredKeyHasNoName) {
  const KeySet set(hmac_verifier(kSecret));
  expect_chosen(set, TestSigner::hs256(kSecret), "anything");
  expect_none(set, "none", std::nullopt, chat::ErrorCode::unauthorized);
}

TEST(KeySet, PassesOverWhatIsOfNoUse) {
  const auto good = TestSigner::eddsa();
  const auto rsa = TestSigner::rs256();
  const auto p384 = R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})";
  const std::string zeros = encode_base64url(std::string(32, '\0'));
  const auto off_the_curve = R"({"kty":"EC","crv":"P-256","x":")" + zeros + R"(","y":")" + zeros + "\"}";
  const auto set =
      parse({good.jwk(), rsa.jwk(R"("use":"enc")"), rsa.jwk(R"("alg":"RS512")"), rsa.jwk(R"("key_ops":["sign"])"),
             TestSigner::rs256(1024).jwk(), p384, off_the_curve, R"({"kty":"oct","k":"c2hvcnQ"})", R"({"kty":"oct"})",
             R"({"kty":"RSA","n":"!","e":"AQAB"})", R"({"kty":"RSA","n":"","e":""})", R"({"kty":7})", "{}",
             R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})", R"({"kty":"OKP","crv":"X25519","x":"AAAA"})"});
  EXPECT_EQ(set->size(), 1);
  expect_chosen(*set, good, std::nullopt);
  const auto kept = parse({rsa.jwk(R"("use":"sig","alg":"RS256","key_ops":["verify"])")});
  EXPECT_EQ(kept->size(), 1);
}

TEST(KeySet, RefusesWhatIsNoSet) {
  for (const std::string json : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1]})", "<html>",
                                 R"({"keys":[{"kty":"oct","k":"c2hvcnQ"}]})"}) {
    EXPECT_FALSE(KeySet::parse(json)) << json;
  }
  const std::string key = TestSigner::eddsa().jwk();
  EXPECT_TRUE(KeySet::parse(set_of(std::vector<std::string>(kKeysMax, key))));
  EXPECT_FALSE(KeySet::parse(set_of(std::vector<std::string>(kKeysMax + 1, key))));
  EXPECT_FALSE(KeySet::parse(set_of({key}) + std::string(kKeySetBytesMax, ' ')));
}

}  // namespace
}  // namespace simplechat::adapters::jwt

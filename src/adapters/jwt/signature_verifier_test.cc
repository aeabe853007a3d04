#include "adapters/jwt/signature_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <stdexcept>

#include "adapters/jwt/base64url.h"
#include "adapters/jwt/test_signer.h"

namespace simplechat::adapters::jwt {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

// The claims of RFC 7515 appendices A.1 to A.3.
const std::string kJoe =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

void expect_accepts_only(const SignatureVerifier& verifier, const std::string& text,
                         const std::string& encoded_signature) {
  const std::string signature = decode_base64url(encoded_signature).value();
  EXPECT_TRUE(verifier.accepts(text, signature));
  EXPECT_FALSE(verifier.accepts(text + "A", signature));
  EXPECT_FALSE(verifier.accepts(text, ""));
  EXPECT_FALSE(verifier.accepts(text, signature.substr(1)));
  EXPECT_FALSE(verifier.accepts(text, signature + '\0'));
  for (const std::size_t at : {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
    std::string changed = signature;
    changed[at] ^= 1;
    EXPECT_FALSE(verifier.accepts(text, changed)) << "byte " << at;
  }
  EXPECT_EQ(ERR_peek_error(), 0U) << "OpenSSL's errors must not leak into the thread's next call";
}

TEST(SignatureVerifier, AcceptsTheHs256ExampleOfRfc7515A1) {
  const auto key =
      decode_base64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  const auto verifier = hmac_verifier(key.value());
  EXPECT_EQ(verifier->algorithm(), "HS256");
  expect_accepts_only(*verifier, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + kJoe,
                      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST(SignatureVerifier, AcceptsTheRs256ExampleOfRfc7515A2) {
  const auto verifier = public_key_verifier(R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
oQIDAQAB
-----END PUBLIC KEY-----
)");
  EXPECT_EQ(verifier->algorithm(), "RS256");
  expect_accepts_only(*verifier, "eyJhbGciOiJSUzI1NiJ9." + kJoe,
                      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5ju"
                      "jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07"
                      "Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipU"
                      "TI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw");
}

TEST(SignatureVerifier, AcceptsTheEs256ExampleOfRfc7515A3) {
  const auto verifier = public_key_verifier(R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END PUBLIC KEY-----
)");
  EXPECT_EQ(verifier->algorithm(), "ES256");
  expect_accepts_only(*verifier, "eyJhbGciOiJFUzI1NiJ9." + kJoe,
                      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
}

TEST(SignatureVerifier, AcceptsTheEd25519ExampleOfRfc8037A4) {
  const auto verifier = public_key_verifier(R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
)");
  EXPECT_EQ(verifier->algorithm(), "EdDSA");
  expect_accepts_only(*verifier, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
}

TEST(SignatureVerifier, RefusesAnEcdsaSignatureOfZeros) {
  const auto verifier = public_key_verifier(TestSigner::es256().public_pem());
  EXPECT_FALSE(verifier->accepts("text", std::string(64, '\0')));
}

TEST(SignatureVerifier, RefusesASecretShorterThanTheHash) {
  EXPECT_THAT([] { static_cast<void>(hmac_verifier(std::string(31, 'k'))); },
              ThrowsMessage<std::runtime_error>("the JWT secret is shorter than 32 bytes"));
  EXPECT_NO_THROW(static_cast<void>(hmac_verifier(std::string(32, 'k'))));
}

void expect_unusable(const std::string& pem, const std::string& reason) {
  EXPECT_THAT([&pem] { static_cast<void>(public_key_verifier(pem)); },
              ThrowsMessage<std::runtime_error>(AllOf(HasSubstr(reason), Not(HasSubstr("\n")))));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(SignatureVerifier, RefusesTextThatIsNotAPublicKey) {
  const std::string pem = TestSigner::eddsa().public_pem();
  expect_unusable("", "not a public key in PEM form");
  expect_unusable("secret", "not a public key in PEM form");
  expect_unusable(pem.substr(0, pem.size() / 2), "not a public key in PEM form");
  expect_unusable(pem + std::string(kPemBytesMax, '\n'), "too long");
}

TEST(SignatureVerifier, RefusesAPrivateKey) {
  expect_unusable(R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
)",
                  "not a public key in PEM form");
}

TEST(SignatureVerifier, RefusesKeysOfOtherKinds) {
  expect_unusable(TestSigner::rs256(1024).public_pem(), "less than 2048 bits");
  expect_unusable(TestSigner::es256("P-384").public_pem(), "another curve than P-256");
  expect_unusable(TestSigner::es256("secp256k1").public_pem(), "another curve than P-256");
  expect_unusable(R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
-----END PUBLIC KEY-----
)",
                  "neither RSA, EC P-256 nor Ed25519");  // X25519, which signs nothing
}

}  // namespace
}  // namespace simplechat::adapters::jwt

#include "adapters/jwt/signature_verifier.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include "adapters/jwt/openssl_key.h"

namespace simplechat::adapters::jwt {
namespace {

using Bignum = std::unique_ptr<BIGNUM, Freeing<BN_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG_free>>;

class HmacVerifier final : public SignatureVerifier {
 public:
  explicit HmacVerifier(std::string secret) : secret_(std::move(secret)) {}

  [[nodiscard]] std::string_view algorithm() const override { return "HS256"; }

  [[nodiscard]] bool accepts(std::string_view signed_text, std::string_view signature) const override {
    std::array<unsigned char, EVP_MAX_MD_SIZE> expected{};
    std::size_t size = 0;
    if (EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, secret_.data(), secret_.size(), bytes_of(signed_text),
                  signed_text.size(), expected.data(), expected.size(), &size) == nullptr) {
      ERR_clear_error();
      return false;
    }
    return signature.size() == size && CRYPTO_memcmp(expected.data(), signature.data(), size) == 0;
  }

 private:
  std::string secret_;
};

// OpenSSL takes an ECDSA signature as DER; a token has r and s side by side, 32 bytes each (RFC 7518 section 3.4).
// Empty if `signature` is not of that form.
std::string der_of(std::string_view signature) {
  if (signature.size() != 2 * kP256NumberBytes) return {};
  Bignum r(BN_bin2bn(bytes_of(signature), kP256NumberBytes, nullptr));
  Bignum s(BN_bin2bn(bytes_of(signature) + kP256NumberBytes, kP256NumberBytes, nullptr));
  const EcdsaSignature both(ECDSA_SIG_new());
  if (!r || !s || !both || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());  // now owned by `both`
  static_cast<void>(s.release());
  unsigned char* out = nullptr;
  const int size = i2d_ECDSA_SIG(both.get(), &out);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return der;
}

class PublicKeyVerifier final : public SignatureVerifier {
 public:
  PublicKeyVerifier(OpensslKey key, KeyKind kind) : key_(std::move(key)), kind_(kind) {}

  [[nodiscard]] std::string_view algorithm() const override { return algorithm_of(kind_); }

  [[nodiscard]] bool accepts(std::string_view signed_text, std::string_view signature) const override {
    if (kind_ != KeyKind::ec_p256) return verify(signed_text, signature);
    const std::string der = der_of(signature);
    return !der.empty() && verify(signed_text, der);
  }

 private:
  // `signature` in OpenSSL's form.
  [[nodiscard]] bool verify(std::string_view signed_text, std::string_view signature) const {
    const DigestContext context(EVP_MD_CTX_new());
    const bool valid = context &&
                       EVP_DigestVerifyInit(context.get(), nullptr, digest_of(kind_), nullptr, key_.get()) == 1 &&
                       EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(signed_text),
                                        signed_text.size()) == 1;
    if (!valid) ERR_clear_error();  // or it would be blamed on whatever this thread does next
    return valid;
  }

  OpensslKey key_;  // only read: OpenSSL's keys are thread-safe then
  KeyKind kind_;
};

std::unexpected<chat::Error> unusable(std::string what) {
  return chat::fail(chat::ErrorCode::bad_frame, std::move(what));
}

KeyResult verifier_of(OpensslKey key) {
  ERR_clear_error();
  if (!key) return unusable("is not a public key");
  const auto kind = kind_of(*key);
  if (!kind) return unusable(kind.error());
  return std::make_unique<PublicKeyVerifier>(std::move(key), *kind);
}

using Parameters = std::unique_ptr<OSSL_PARAM, Freeing<OSSL_PARAM_free>>;
using ParametersBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freeing<OSSL_PARAM_BLD_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freeing<EVP_PKEY_CTX_free>>;

// nullptr if OpenSSL finds that they do not make a key of `type`.
OpensslKey make_key(const char* type, const Parameters& parameters) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || !parameters || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  return OpensslKey(key);
}

Bignum number_of(std::string_view bytes) {
  return Bignum(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

}  // namespace

std::unique_ptr<SignatureVerifier> hmac_verifier(std::string secret) {
  if (secret.size() < kSecretBytesMin) {
    throw std::runtime_error("the JWT secret is shorter than " + std::to_string(kSecretBytesMin) + " bytes");
  }
  return std::make_unique<HmacVerifier>(std::move(secret));
}

std::unique_ptr<SignatureVerifier> public_key_verifier(std::string_view pem) {
  if (pem.size() > kPemBytesMax) throw std::runtime_error("the JWT public key is too long to be a key in PEM form");
  OpensslKey key = read_pem<PEM_read_bio_PUBKEY>(pem);
  ERR_clear_error();
  if (!key) throw std::runtime_error("the JWT public key is not a public key in PEM form (BEGIN PUBLIC KEY)");
  KeyResult verifier = verifier_of(std::move(key));
  if (!verifier) throw std::runtime_error("the JWT public key " + verifier.error().message);
  return *std::move(verifier);
}

KeyResult rsa_verifier(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > kRsaBitsMax / 8 || exponent.size() > sizeof(std::uint64_t)) {
    return unusable("is an RSA key of more than " + std::to_string(kRsaBitsMax) + " bits, or its exponent is too long");
  }
  const Bignum n = number_of(modulus);
  const Bignum e = number_of(exponent);
  const ParametersBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || BN_is_one(e.get()) || !BN_is_odd(e.get()) || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return verifier_of(nullptr);
  }
  return verifier_of(make_key("RSA", Parameters(OSSL_PARAM_BLD_to_param(builder.get()))));
}

KeyResult p256_verifier(std::string_view x, std::string_view y) {
  if (x.size() != kP256NumberBytes || y.size() != kP256NumberBytes) {
    return unusable("is no point of P-256: x and y have 32 bytes each");
  }
  const std::string point = std::string("\x04").append(x).append(y);  // uncompressed (SEC 1 section 2.3.3)
  const ParametersBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return verifier_of(nullptr);
  }
  return verifier_of(make_key("EC", Parameters(OSSL_PARAM_BLD_to_param(builder.get()))));
}

KeyResult ed25519_verifier(std::string_view key) {
  return verifier_of(OpensslKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(key), key.size())));
}

}  // namespace simplechat::adapters::jwt

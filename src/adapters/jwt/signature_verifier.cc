#include "adapters/jwt/signature_verifier.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace simplechat::adapters::jwt {
namespace {

template <auto kFree>
struct Freeing {
  void operator()(auto* pointer) const { kFree(pointer); }
};
using Bio = std::unique_ptr<BIO, Freeing<BIO_free>>;
using Bignum = std::unique_ptr<BIGNUM, Freeing<BN_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG_free>>;
using PublicKey = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

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

enum class KeyKind : std::uint8_t { rsa, ec_p256, ed25519 };

constexpr std::size_t kP256NumberBytes = 32;

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
  PublicKeyVerifier(PublicKey key, KeyKind kind) : key_(std::move(key)), kind_(kind) {}

  [[nodiscard]] std::string_view algorithm() const override {
    switch (kind_) {
      case KeyKind::rsa:
        return "RS256";
      case KeyKind::ec_p256:
        return "ES256";
      case KeyKind::ed25519:
        return "EdDSA";
    }
    std::unreachable();
  }

  [[nodiscard]] bool accepts(std::string_view signed_text, std::string_view signature) const override {
    if (kind_ != KeyKind::ec_p256) return verify(signed_text, signature);
    const std::string der = der_of(signature);
    return !der.empty() && verify(signed_text, der);
  }

 private:
  // `signature` in OpenSSL's form.
  [[nodiscard]] bool verify(std::string_view signed_text, std::string_view signature) const {
    const EVP_MD* digest = kind_ == KeyKind::ed25519 ? nullptr : EVP_sha256();  // Ed25519 hashes by itself
    const DigestContext context(EVP_MD_CTX_new());
    const bool valid = context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
                       EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(signed_text),
                                        signed_text.size()) == 1;
    if (!valid) ERR_clear_error();  // or it would be blamed on whatever this thread does next
    return valid;
  }

  PublicKey key_;  // only read: OpenSSL's keys are thread-safe then
  KeyKind kind_;
};

PublicKey read_pem(std::string_view pem) {
  if (pem.size() > kPemBytesMax) throw std::runtime_error("the JWT public key is too long to be a key in PEM form");
  // An encrypted key must fail, not ask for its password on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PublicKey key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr) : nullptr);
  ERR_clear_error();
  if (!key) throw std::runtime_error("the JWT public key is not a public key in PEM form (BEGIN PUBLIC KEY)");
  return key;
}

bool is_on_p256(EVP_PKEY& key) {
  std::array<char, 32> group{};  // a longer name is not P-256's
  return EVP_PKEY_get_group_name(&key, group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == SN_X9_62_prime256v1;
}

KeyKind kind_of(EVP_PKEY& key) {
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_RSA:
      if (std::cmp_greater_equal(EVP_PKEY_get_bits(&key), kRsaBitsMin)) return KeyKind::rsa;
      throw std::runtime_error("the JWT public key is an RSA key of less than " + std::to_string(kRsaBitsMin) +
                               " bits");
    case EVP_PKEY_EC:
      if (is_on_p256(key)) return KeyKind::ec_p256;
      throw std::runtime_error("the JWT public key is an EC key on another curve than P-256");
    case EVP_PKEY_ED25519:
      return KeyKind::ed25519;
    default:
      throw std::runtime_error("the JWT public key is neither RSA, EC P-256 nor Ed25519");
  }
}

}  // namespace

std::unique_ptr<SignatureVerifier> hmac_verifier(std::string secret) {
  if (secret.size() < kSecretBytesMin) {
    throw std::runtime_error("the JWT secret is shorter than " + std::to_string(kSecretBytesMin) + " bytes");
  }
  return std::make_unique<HmacVerifier>(std::move(secret));
}

std::unique_ptr<SignatureVerifier> public_key_verifier(std::string_view pem) {
  PublicKey key = read_pem(pem);
  const KeyKind kind = kind_of(*key);
  return std::make_unique<PublicKeyVerifier>(std::move(key), kind);
}

}  // namespace simplechat::adapters::jwt

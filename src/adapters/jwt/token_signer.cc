#include "adapters/jwt/token_signer.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "adapters/jwt/base64url.h"
#include "adapters/jwt/openssl_key.h"
#include "adapters/jwt/signature_verifier.h"
#include "wire/json.h"

namespace simplechat::adapters::jwt {
namespace {

void require(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string("OpenSSL failed to ") + what);
}

unsigned char* writable(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

class SecretSigner final : public TokenSigner {
 public:
  explicit SecretSigner(std::string secret) : secret_(std::move(secret)) {}

  [[nodiscard]] std::string_view algorithm() const override { return "HS256"; }
  [[nodiscard]] std::string signature(std::string_view text) const override {
    std::string made(EVP_MAX_MD_SIZE, '\0');
    std::size_t size = 0;
    require(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, secret_.data(), secret_.size(), bytes_of(text),
                      text.size(), writable(made), made.size(), &size) != nullptr,
            "sign");
    made.resize(size);
    return made;
  }

 private:
  std::string secret_;
};

// r and s side by side (RFC 7518 section 3.4) of an ECDSA signature in OpenSSL's form, DER.
std::string side_by_side(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  const std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG_free>> both(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  require(both != nullptr, "read a signature");
  std::string raw(2 * kP256NumberBytes, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(both.get()), writable(raw), kP256NumberBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(both.get()), writable(raw) + kP256NumberBytes, kP256NumberBytes);
  return raw;
}

class PrivateKeySigner final : public TokenSigner {
 public:
  PrivateKeySigner(OpensslKey key, KeyKind kind) : key_(std::move(key)), kind_(kind) {}

  [[nodiscard]] std::string_view algorithm() const override { return algorithm_of(kind_); }
  [[nodiscard]] std::string signature(std::string_view text) const override {
    const DigestContext context(EVP_MD_CTX_new());
    std::size_t size = 0;
    require(context && EVP_DigestSignInit(context.get(), nullptr, digest_of(kind_), nullptr, key_.get()) == 1 &&
                EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) == 1,
            "start a signature");
    std::string made(size, '\0');
    require(EVP_DigestSign(context.get(), writable(made), &size, bytes_of(text), text.size()) == 1, "sign");
    made.resize(size);
    return kind_ == KeyKind::ec_p256 ? side_by_side(made) : made;
  }

 private:
  OpensslKey key_;
  KeyKind kind_;
};

void append_text(std::string& json, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  json.append(json.size() > 1 ? "," : "");
  wire::append_json_string(json, name);
  json.push_back(':');
  wire::append_json_string(json, value);
}

void append_date(std::string& json, std::string_view name, std::int64_t seconds) {
  json.push_back(',');
  wire::append_json_string(json, name);
  json.push_back(':');
  wire::append_json_integer(json, seconds);
}

}  // namespace

std::unique_ptr<TokenSigner> secret_signer(std::string secret) {
  if (secret.size() < kSecretBytesMin) {
    throw std::runtime_error("the JWT secret is shorter than " + std::to_string(kSecretBytesMin) + " bytes");
  }
  return std::make_unique<SecretSigner>(std::move(secret));
}

std::unique_ptr<TokenSigner> private_key_signer(std::string_view pem) {
  OpensslKey key = pem.size() > kPemBytesMax ? nullptr : read_pem<PEM_read_bio_PrivateKey>(pem);
  ERR_clear_error();
  if (!key) throw std::runtime_error("the private key is not one in PEM form without a password");
  const auto kind = kind_of(*key);
  if (!kind) throw std::runtime_error("the private key " + kind.error());
  return std::make_unique<PrivateKeySigner>(std::move(key), *kind);
}

std::string make_token(const TokenSigner& signer, const TokenClaims& claims) {
  std::string header = "{";
  append_text(header, "alg", signer.algorithm());
  append_text(header, "typ", "JWT");
  append_text(header, "kid", claims.key_id);
  header.push_back('}');
  std::string body = "{";
  append_text(body, "sub", claims.user);
  append_text(body, "iss", claims.issuer);
  append_text(body, "aud", claims.audience);
  append_text(body, "jti", claims.token_id);
  append_date(body, "iat", claims.issued_s);
  if (claims.expires_s != 0) append_date(body, "exp", claims.expires_s);
  body.push_back('}');
  const std::string text = encode_base64url(header) + "." + encode_base64url(body);
  return text + "." + encode_base64url(signer.signature(text));
}

}  // namespace simplechat::adapters::jwt

#include "adapters/jwt/test_signer.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "adapters/jwt/base64url.h"

namespace simplechat::adapters::jwt {
namespace {

constexpr int kP256NumberBytes = 32;

void require(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string("OpenSSL failed to ") + what);
}

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// r and s side by side, of an ECDSA signature in DER.
std::string raw_signature(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> both(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
  require(both != nullptr, "read a signature");
  std::string raw(2 * kP256NumberBytes, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(both.get()), bytes_of(raw), kP256NumberBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(both.get()), bytes_of(raw) + kP256NumberBytes, kP256NumberBytes);
  return raw;
}

}  // namespace

TestSigner TestSigner::hs256(std::string secret) {
  return {"HS256", EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, nullptr, bytes_of(secret), secret.size())};
}

TestSigner TestSigner::rs256(unsigned bits) { return {"RS256", EVP_RSA_gen(bits)}; }

TestSigner TestSigner::es256(const char* curve) { return {"ES256", EVP_EC_gen(curve)}; }

TestSigner TestSigner::eddsa() { return {"EdDSA", EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")}; }

std::string TestSigner::public_pem() const {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  require(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1, "write a key");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string TestSigner::private_pem() const {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  require(PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "write a key");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string TestSigner::jwk(std::string_view more) const {
  const auto number = [this](const char* name) {
    BIGNUM* value = nullptr;
    require(EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1, "read a number of a key");
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, bytes_of(bytes));
    BN_free(value);
    return encode_base64url(bytes);
  };
  const auto raw = [this](auto read) {
    std::string bytes(256, '\0');
    std::size_t size = bytes.size();
    require(read(key_.get(), bytes_of(bytes), &size) == 1, "read a key");
    bytes.resize(size);
    return bytes;
  };
  std::string json = "{";
  if (algorithm_ == "HS256") {
    json += R"("kty":"oct","k":")" + encode_base64url(raw(EVP_PKEY_get_raw_private_key)) + '"';
  } else if (algorithm_ == "RS256") {
    json += R"("kty":"RSA","n":")" + number("n") + R"(","e":")" + number("e") + '"';
  } else if (algorithm_ == "ES256") {
    const std::string point = raw([](EVP_PKEY* key, unsigned char* out, std::size_t* size) {
      return EVP_PKEY_get_octet_string_param(key, "pub", out, *size, size);
    });
    json += R"("kty":"EC","crv":"P-256","x":")" + encode_base64url(point.substr(1, kP256NumberBytes)) + R"(","y":")" +
            encode_base64url(point.substr(1 + kP256NumberBytes)) + '"';
  } else {
    json += R"("kty":"OKP","crv":"Ed25519","x":")" + encode_base64url(raw(EVP_PKEY_get_raw_public_key)) + '"';
  }
  return json.append(more.empty() ? "" : ",").append(more).append("}");
}

std::string TestSigner::signature(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const EVP_MD* digest = algorithm_ == "EdDSA" ? nullptr : EVP_sha256();
  require(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1, "start a signature");
  std::size_t size = 0;
  require(EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) == 1, "size a signature");
  std::string made(size, '\0');
  require(EVP_DigestSign(context.get(), bytes_of(made), &size, bytes_of(text), text.size()) == 1, "sign");
  made.resize(size);
  return algorithm_ == "ES256" ? raw_signature(made) : made;
}

std::string TestSigner::token(std::string_view header, std::string_view claims) const {
  const std::string text = encode_base64url(header) + "." + encode_base64url(claims);
  return text + "." + encode_base64url(signature(text));
}

std::string TestSigner::token(std::string_view claims) const {
  return token(R"({"alg":")" + algorithm_ + R"(","typ":"JWT"})", claims);
}

}  // namespace simplechat::adapters::jwt

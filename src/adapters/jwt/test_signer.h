// The issuer's side, for tests: keys of every kind and tokens signed with them.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace simplechat::adapters::jwt {

class TestSigner {
 public:
  [[nodiscard]] static TestSigner hs256(std::string secret);
  // A fresh key on each call.
  [[nodiscard]] static TestSigner rs256(unsigned bits = 2048);
  [[nodiscard]] static TestSigner es256(const char* curve = "P-256");
  [[nodiscard]] static TestSigner eddsa();

  [[nodiscard]] const std::string& algorithm() const { return algorithm_; }
  [[nodiscard]] std::string public_pem() const;  // not for hs256

  [[nodiscard]] std::string signature(std::string_view text) const;
  // The compact token of a JSON header and JSON claims.
  [[nodiscard]] std::string token(std::string_view header, std::string_view claims) const;
  // The key as a JSON Web Key; `more`: further members, as `"kid":"1"`.
  [[nodiscard]] std::string jwk(std::string_view more = {}) const;
  [[nodiscard]] std::string private_pem() const;  // not for hs256
  // The same with the header that a token of this key has.
  [[nodiscard]] std::string token(std::string_view claims) const;

 private:
  TestSigner(std::string algorithm, EVP_PKEY* key) : algorithm_(std::move(algorithm)), key_(key, EVP_PKEY_free) {}

  std::string algorithm_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace simplechat::adapters::jwt

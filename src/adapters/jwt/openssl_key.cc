#include "adapters/jwt/openssl_key.h"

#include <openssl/ec.h>

#include <array>
#include <utility>

#include "adapters/jwt/signature_verifier.h"

namespace simplechat::adapters::jwt {
namespace {

bool is_on_p256(EVP_PKEY& key) {
  std::array<char, 32> group{};  // a longer name is not P-256's
  return EVP_PKEY_get_group_name(&key, group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == SN_X9_62_prime256v1;
}

}  // namespace

std::expected<KeyKind, std::string> kind_of(EVP_PKEY& key) {
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_RSA:
      if (std::cmp_less(EVP_PKEY_get_bits(&key), kRsaBitsMin)) {
        return std::unexpected("is an RSA key of less than " + std::to_string(kRsaBitsMin) + " bits");
      }
      if (std::cmp_greater(EVP_PKEY_get_bits(&key), kRsaBitsMax)) {
        return std::unexpected("is an RSA key of more than " + std::to_string(kRsaBitsMax) + " bits");
      }
      return KeyKind::rsa;
    case EVP_PKEY_EC:
      if (is_on_p256(key)) return KeyKind::ec_p256;
      return std::unexpected("is an EC key on another curve than P-256");
    case EVP_PKEY_ED25519:
      return KeyKind::ed25519;
    default:
      return std::unexpected("is neither RSA, EC P-256 nor Ed25519");
  }
}

std::string_view algorithm_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::rsa:
      return "RS256";
    case KeyKind::ec_p256:
      return "ES256";
    case KeyKind::ed25519:
      return "EdDSA";
  }
  std::unreachable();
}

const EVP_MD* digest_of(KeyKind kind) { return kind == KeyKind::ed25519 ? nullptr : EVP_sha256(); }

}  // namespace simplechat::adapters::jwt

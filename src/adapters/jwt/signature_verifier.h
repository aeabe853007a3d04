// Checks the signature of a token with one key, by the one algorithm that belongs to the key. A token's own word for
// its algorithm never chooses: that is what makes algorithm confusion impossible (RFC 8725 section 3.1).
//
// Immutable once made; thread-safe. Lives as long as the authenticator that holds it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "chat/error.h"

namespace simplechat::adapters::jwt {

inline constexpr std::size_t kSecretBytesMin = 32;   // RFC 7518 section 3.2: at least as long as the hash
inline constexpr std::size_t kRsaBitsMin = 2048;     // RFC 7518 section 3.3
inline constexpr std::size_t kRsaBitsMax = 8192;     // beyond, a check costs more than a registration may
inline constexpr std::size_t kPemBytesMax = 64'000;  // a key takes far less than 10'000

class SignatureVerifier {
 public:
  virtual ~SignatureVerifier() = default;

  // The `alg` header (RFC 7518 section 3.1) of the tokens that it can accept.
  [[nodiscard]] virtual std::string_view algorithm() const = 0;

  // Whether `signature`, decoded, was made over exactly `signed_text` with the key. False also for any malformed
  // signature.
  [[nodiscard]] virtual bool accepts(std::string_view signed_text, std::string_view signature) const = 0;
};

// HS256. Throws std::runtime_error if `secret` is shorter than kSecretBytesMin.
[[nodiscard]] std::unique_ptr<SignatureVerifier> hmac_verifier(std::string secret);

// `pem` is one public key as SubjectPublicKeyInfo ("BEGIN PUBLIC KEY"): RSA (RS256), EC on P-256 (ES256) or Ed25519
// (EdDSA, RFC 8037). Throws std::runtime_error on anything else and on RSA keys shorter than kRsaBitsMin.
[[nodiscard]] std::unique_ptr<SignatureVerifier> public_key_verifier(std::string_view pem);

// The same from the numbers of a JSON Web Key (RFC 7518 sections 6.2.1 and 6.3.1, RFC 8037 section 2), which are bytes,
// the most significant first. Error: bad_frame, one sentence that does not show the key.
using KeyResult = chat::Result<std::unique_ptr<SignatureVerifier>>;
[[nodiscard]] KeyResult rsa_verifier(std::string_view modulus, std::string_view exponent);
[[nodiscard]] KeyResult p256_verifier(std::string_view x, std::string_view y);
[[nodiscard]] KeyResult ed25519_verifier(std::string_view key);

}  // namespace simplechat::adapters::jwt

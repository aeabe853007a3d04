// The issuer's side, for trying out: `simplechat token`. A product's own login service signs with its own library.
//
// Immutable once made. Lives as long as the command.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace simplechat::adapters::jwt {

class TokenSigner {
 public:
  virtual ~TokenSigner() = default;

  [[nodiscard]] virtual std::string_view algorithm() const = 0;
  // Of exactly `text`, in a token's form (RFC 7518 section 3).
  [[nodiscard]] virtual std::string signature(std::string_view text) const = 0;
};

// HS256. Throws std::runtime_error, one line, if `secret` has less than 32 bytes.
[[nodiscard]] std::unique_ptr<TokenSigner> secret_signer(std::string secret);

// `pem`: a private key, not encrypted: RSA of 2048 to 8192 bits (RS256), EC on P-256 (ES256) or Ed25519 (EdDSA). Throws
// std::runtime_error, one line, on anything else.
[[nodiscard]] std::unique_ptr<TokenSigner> private_key_signer(std::string_view pem);

struct TokenClaims {
  std::string_view user;
  std::int64_t issued_s;   // seconds since the Unix epoch
  std::int64_t expires_s;  // 0: never
  std::string_view issuer{};
  std::string_view audience{};
  std::string_view token_id{};
  std::string_view key_id{};  // in the header
};

// The token in compact form. Empty texts are left out.
[[nodiscard]] std::string make_token(const TokenSigner& signer, const TokenClaims& claims);

}  // namespace simplechat::adapters::jwt

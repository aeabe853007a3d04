// `--auth jwt`: a client is the `sub` of a signed JSON Web Token (RFC 7519) in compact form.
//
// The key fixes the one algorithm accepted; a token that names another one, or has a `crit` header, is refused. Nothing
// that a token claims is believed before its signature holds. Of the claims, `sub` must be a user id, and `exp` and
// `nbf` are honoured if present; all others, `aud` and `iss` too, are not looked at: the key is the issuer's word.
//
// Immutable once made; shared by all reactors. Lives until they have stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "chat/authenticator.h"

namespace simplechat::adapters::jwt {

inline constexpr std::size_t kTokenBytesMax =
    std::size_t{8} * 1024;                          // beyond: unauthorized, before anything is decoded
inline constexpr std::int64_t kLeewaySeconds = 30;  // how far the issuer's clock may be off, for `exp` and `nbf`

// Seconds since the Unix epoch. Called on every reactor's thread.
using Clock = std::function<std::int64_t()>;

[[nodiscard]] std::int64_t system_seconds();

// Tokens signed with HS256. Throws std::runtime_error, one line, if `secret` has less than 32 bytes.
[[nodiscard]] std::unique_ptr<chat::Authenticator> with_secret(std::string secret, Clock clock = system_seconds);

// Tokens signed with the private half of `pem`, a public key ("BEGIN PUBLIC KEY"): RSA of at least 2048 bits (RS256),
// EC on P-256 (ES256) or Ed25519 (EdDSA). Throws std::runtime_error, one line, on any other text or key.
[[nodiscard]] std::unique_ptr<chat::Authenticator> with_public_key(std::string_view pem, Clock clock = system_seconds);

}  // namespace simplechat::adapters::jwt

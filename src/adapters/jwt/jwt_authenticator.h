// `--auth jwt`: a client is the `sub` of a signed JSON Web Token (RFC 7519) in compact form.
//
// The key fixes the one algorithm accepted; a token that names another one, or has a `crit` header, is refused. Nothing
// that a token claims is believed before its signature holds. Of the claims, `sub` must be a user id, `exp` and `nbf`
// are honoured if present, `iss` and `aud` must be the expected ones where such are set; `iat` and `jti` are handed on,
// for revocation. All others are not looked at.
//
// Immutable once made but for its keys, which a KeySource may replace; shared by all reactors. Lives until they have
// stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/jwt/key_set.h"
#include "chat/authenticator.h"

namespace simplechat::adapters::jwt {

inline constexpr std::size_t kTokenBytesMax =
    std::size_t{8} * 1024;  // beyond: unauthorized, before anything is decoded
// How far the issuer's clock may be ahead, for `nbf`: a token must be good when it has just been issued. For `exp`
// there is none, since clients renew before it.
inline constexpr std::int64_t kLeewaySeconds = 30;
inline constexpr std::size_t kTokenIdBytesMax = 256;  // of `jti`; beyond: unauthorized

// Seconds since the Unix epoch. Called on every reactor's thread.
using Clock = std::function<std::int64_t()>;

[[nodiscard]] std::int64_t system_seconds();

struct Expectations {
  std::string issuer{};    // that `iss` must be; empty: not looked at
  std::string audience{};  // that `aud` must be or hold; empty: not looked at
  Clock clock = system_seconds;
};

// Tokens signed with HS256. Throws std::runtime_error, one line, if `secret` has less than 32 bytes.
[[nodiscard]] std::unique_ptr<chat::Authenticator> with_secret(std::string secret, Expectations expected = {});

// Tokens signed with the private half of `pem`, a public key ("BEGIN PUBLIC KEY"): RSA of 2048 to 8192 bits (RS256),
// EC on P-256 (ES256) or Ed25519 (EdDSA). Throws std::runtime_error, one line, on any other text or key.
[[nodiscard]] std::unique_ptr<chat::Authenticator> with_public_key(std::string_view pem, Expectations expected = {});

// Tokens signed with any key of `source`. As long as it has none, and while it looks for one that it does not know:
// unavailable.
[[nodiscard]] std::unique_ptr<chat::Authenticator> with_keys(std::shared_ptr<KeySource> source,
                                                             Expectations expected = {});

}  // namespace simplechat::adapters::jwt

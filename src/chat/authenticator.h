// Port: who a `register` frame or an HTTP request speaks for.
//
// Implementations: adapters/jwt, and TrustingAuthenticator (`--auth none`).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chat/error.h"

namespace simplechat::chat {

// Whom a proof speaks for, and what bounds it. A believed claim has nothing but the user.
struct Identity {
  std::string user{};
  std::optional<std::chrono::seconds> valid_for{};  // from now on; nothing: for good
  std::int64_t issued_s = 0;                        // seconds since the Unix epoch; 0: not told, so before all else
  std::string token_id{};                           // names this one token to its issuer (`jti`); empty: not told
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // Who may act. `claimed` (a valid user id, or empty) is whom the client says it is, `token` its proof, both as they
  // came. Errors: unauthorized; unavailable if that cannot be told now and the same may be tried again. Pure
  // computation, no waiting; thread-safe.
  [[nodiscard]] virtual Result<Identity> authenticate(std::string_view claimed, std::string_view token) const = 0;

  // Whether clients show tokens: only then can a registration be renewed, or revoked.
  [[nodiscard]] virtual bool reads_tokens() const = 0;
};

// Believes the claim. For listeners that only trusted clients reach.
class TrustingAuthenticator final : public Authenticator {
 public:
  [[nodiscard]] Result<Identity> authenticate(std::string_view claimed, std::string_view /*token*/) const override {
    if (claimed.empty()) return fail(ErrorCode::unauthorized, "name the user");
    return Identity{.user = std::string(claimed)};
  }
  [[nodiscard]] bool reads_tokens() const override { return false; }
};

}  // namespace simplechat::chat

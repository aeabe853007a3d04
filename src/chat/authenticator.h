// Port: who a `register` frame or an HTTP request speaks for.
//
// Implementations: adapters/jwt, and TrustingAuthenticator (`--auth none`).
#pragma once

#include <string>
#include <string_view>

#include "chat/error.h"

namespace simplechat::chat {

class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // The user that may act. `claimed` (a valid user id, or empty) is whom the client says it is, `token` its proof, both
  // as they came. Error: unauthorized. Pure computation, no waiting; thread-safe.
  [[nodiscard]] virtual Result<std::string> authenticate(std::string_view claimed, std::string_view token) const = 0;
};

// Believes the claim. For listeners that only trusted clients reach.
class TrustingAuthenticator final : public Authenticator {
 public:
  [[nodiscard]] Result<std::string> authenticate(std::string_view claimed, std::string_view /*token*/) const override {
    if (claimed.empty()) return fail(ErrorCode::unauthorized, "name the user");
    return std::string(claimed);
  }
};

}  // namespace simplechat::chat

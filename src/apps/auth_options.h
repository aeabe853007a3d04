// Who a client is: the options that both programs with a gateway have for it, and the authenticator that follows.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "adapters/jwt/jwks_source.h"
#include "chat/authenticator.h"
#include "runtime/config.h"
#include "runtime/dependency.h"
#include "runtime/reactor.h"

namespace simplechat::apps {

enum class AuthKind : std::uint8_t { none, jwt };

struct AuthSettings {
  AuthKind kind;
  std::string jwt_secret;
  std::string jwt_secret_file;
  std::string jwt_public_key;
  std::string jwt_jwks;
  std::chrono::milliseconds jwt_jwks_refresh;
  std::string jwt_issuer;
  std::string jwt_audience;
  std::chrono::milliseconds revocation_keep;
};

// Options, with the rule that --auth jwt has one source of keys, which must be good if it is at hand, and that nothing
// of it is given otherwise.
void declare(runtime::Options& options, AuthSettings& settings);

// The authenticator with what it needs behind it. Lives in the program's serve(), from before the gateway to its end.
class Authentication {
 public:
  // Throws std::runtime_error naming what is wrong with a key. `tls` outlives it.
  Authentication(const AuthSettings& settings, runtime::TlsClient& tls, runtime::ReactorPool& reactors,
                 runtime::Readiness& readiness);

  // Before the reactors run.
  void start();
  // While the reactors run, not from one of their threads.
  void stop();

  [[nodiscard]] const chat::Authenticator& authenticator() const { return *authenticator_; }

 private:
  runtime::Reactor& reactor_;
  std::shared_ptr<adapters::jwt::JwksSource> jwks_;  // if tokens are checked with a set of keys
  std::unique_ptr<chat::Authenticator> authenticator_;
};

}  // namespace simplechat::apps

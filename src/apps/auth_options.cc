#include "apps/auth_options.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <optional>

#include "adapters/jwt/jwt_authenticator.h"
#include "apps/service_main.h"

namespace simplechat::apps {
namespace {

std::optional<std::string> check_keys(const AuthSettings& settings) {
  int keys = 0;
  for (const std::string* key :
       {&settings.jwt_secret, &settings.jwt_secret_file, &settings.jwt_public_key, &settings.jwt_jwks}) {
    if (!key->empty()) ++keys;
  }
  if (settings.kind == AuthKind::jwt && keys != 1) {
    return "auth jwt: needs one of jwt-secret, jwt-secret-file, jwt-public-key and jwt-jwks";
  }
  if (settings.kind == AuthKind::none && (keys != 0 || !settings.jwt_issuer.empty() || !settings.jwt_audience.empty()))
    return "jwt-secret, jwt-secret-file, jwt-public-key, jwt-jwks, jwt-issuer, jwt-audience: only with --auth jwt";
  if (settings.jwt_jwks.empty()) return std::nullopt;
  const auto problem = adapters::jwt::check_jwks_location(settings.jwt_jwks);
  if (!problem) return std::nullopt;
  return fmt::format("jwt-jwks {}: {}", settings.jwt_jwks, *problem);
}

}  // namespace

void declare(runtime::Options& options, AuthSettings& settings) {
  options.one_of<AuthKind>("auth", settings.kind, AuthKind::none, {{"none", AuthKind::none}, {"jwt", AuthKind::jwt}},
                           "how clients prove who they are");
  options.secret("jwt-secret", settings.jwt_secret, "key of HS256 tokens");
  options.text("jwt-secret-file", settings.jwt_secret_file, "", "file that holds the key of HS256 tokens");
  options.text("jwt-public-key", settings.jwt_public_key, "", "PEM file with the key of RS256, ES256 or EdDSA tokens");
  options.text("jwt-jwks", settings.jwt_jwks, "", "JSON Web Key Set with the keys of tokens: a URL or a file");
  options.duration_ms("jwt-jwks-refresh-ms", settings.jwt_jwks_refresh, std::chrono::minutes(5),
                      {std::chrono::seconds(1), std::chrono::hours(24)}, "how often the key set is read again");
  options.text("jwt-issuer", settings.jwt_issuer, "", "what a token's iss must be");
  options.text("jwt-audience", settings.jwt_audience, "", "what a token's aud must be or hold");
  options.duration_ms("revocation-keep-ms", settings.revocation_keep, std::chrono::days(30),
                      {std::chrono::minutes(1), std::chrono::days(3650)},
                      "for how long a revocation is kept; at least as long as tokens are good for");
  options.rule([&settings] { return check_keys(settings); });
}

Authentication::Authentication(const AuthSettings& settings, runtime::TlsClient& tls, runtime::ReactorPool& reactors,
                               runtime::Readiness& readiness)
    : reactor_(reactors[0]) {
  if (settings.kind == AuthKind::none) {
    authenticator_ = std::make_unique<chat::TrustingAuthenticator>();
    return;
  }
  adapters::jwt::Expectations expected{.issuer = settings.jwt_issuer, .audience = settings.jwt_audience};
  if (!settings.jwt_jwks.empty()) {
    jwks_ = std::make_shared<adapters::jwt::JwksSource>(
        reactor_.executor(),
        adapters::jwt::JwksSource::Options{
            .location = settings.jwt_jwks, .refresh = settings.jwt_jwks_refresh, .tls = &tls},
        readiness.add("token keys"));
    authenticator_ = adapters::jwt::with_keys(jwks_, std::move(expected));
  } else if (!settings.jwt_public_key.empty()) {
    authenticator_ = adapters::jwt::with_public_key(read_file(settings.jwt_public_key), std::move(expected));
  } else {
    authenticator_ = adapters::jwt::with_secret(
        settings.jwt_secret.empty() ? read_file(settings.jwt_secret_file) : settings.jwt_secret, std::move(expected));
  }
}

void Authentication::start() {
  if (jwks_) jwks_->start();
}

void Authentication::stop() {
  if (jwks_) boost::asio::co_spawn(reactor_.executor(), jwks_->stop(), boost::asio::use_future).get();
}

}  // namespace simplechat::apps

#include "apps/auth_options.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <optional>
#include <stdexcept>

#include "adapters/jwt/jwt_authenticator.h"
#include "apps/service_main.h"

namespace simplechat::apps {
namespace {

// Throws std::runtime_error naming the option and what is wrong with the key.
std::unique_ptr<chat::Authenticator> with_fixed_key(const AuthSettings& settings) {
  adapters::jwt::Expectations expected{.issuer = settings.jwt_issuer, .audience = settings.jwt_audience};
  std::string option = "jwt-secret ***";
  try {
    if (!settings.jwt_public_key.empty()) {
      option = "jwt-public-key " + settings.jwt_public_key;
      return adapters::jwt::with_public_key(read_file(settings.jwt_public_key), std::move(expected));
    }
    if (!settings.jwt_secret.empty()) return adapters::jwt::with_secret(settings.jwt_secret, std::move(expected));
    option = "jwt-secret-file " + settings.jwt_secret_file;
    return adapters::jwt::with_secret(read_file(settings.jwt_secret_file), std::move(expected));
  } catch (const std::runtime_error& failure) {
    throw std::runtime_error(fmt::format("{}: {}", option, failure.what()));
  }
}

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
  if (settings.kind == AuthKind::none) return std::nullopt;
  if (!settings.jwt_jwks.empty()) {
    const auto problem = adapters::jwt::check_jwks_location(settings.jwt_jwks);
    if (problem) return fmt::format("jwt-jwks {}: {}", settings.jwt_jwks, *problem);
    return std::nullopt;
  }
  try {
    static_cast<void>(with_fixed_key(settings));
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
  return std::nullopt;
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
  if (!settings.jwt_jwks.empty()) {
    jwks_ = std::make_shared<adapters::jwt::JwksSource>(
        reactor_.executor(),
        adapters::jwt::JwksSource::Options{
            .location = settings.jwt_jwks, .refresh = settings.jwt_jwks_refresh, .tls = &tls},
        readiness.add("token keys"));
    authenticator_ =
        adapters::jwt::with_keys(jwks_, {.issuer = settings.jwt_issuer, .audience = settings.jwt_audience});
  } else {
    authenticator_ = with_fixed_key(settings);
  }
}

void Authentication::start() {
  if (jwks_) jwks_->start();
}

void Authentication::stop() {
  if (jwks_) boost::asio::co_spawn(reactor_.executor(), jwks_->stop(), boost::asio::use_future).get();
}

}  // namespace simplechat::apps

#include "apps/gateway_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/jwt/jwt_authenticator.h"
#include "runtime/signals.h"

namespace simplechat::apps {
namespace {

constexpr std::uint16_t kApiPort = 3002;
constexpr std::uint16_t kWsPort = 8082;
// Kept free of users' connections: a gateway without file descriptors could not be reached by the others, nor reach
// them. Where few may be open, half of them.
constexpr std::size_t kOtherFilesMax = 512;

std::size_t connections_max() {
  const std::size_t files = runtime::raise_open_files_limit();
  return files - std::min(kOtherFilesMax, files / 2);
}

std::optional<std::string> check_exposure(const GatewaySettings& settings) {
  if (settings.auth != AuthKind::none || settings.insecure || is_loopback(settings.host)) return std::nullopt;
  return fmt::format(
      "host {}: with --auth none anybody who reaches it can speak for anybody; use --auth jwt, or --insecure if that "
      "is meant",
      settings.host);
}

std::optional<std::string> check_keys(const GatewaySettings& settings) {
  const int keys = static_cast<int>(!settings.jwt_secret.empty()) +
                   static_cast<int>(!settings.jwt_secret_file.empty()) +
                   static_cast<int>(!settings.jwt_public_key.empty());
  if (settings.auth == AuthKind::jwt && keys != 1) {
    return "auth jwt: needs one of jwt-secret, jwt-secret-file and jwt-public-key";
  }
  if (settings.auth == AuthKind::none && keys != 0)
    return "jwt-secret, jwt-secret-file, jwt-public-key: only with --auth jwt";
  return std::nullopt;
}

}  // namespace

void declare(runtime::Options& options, GatewaySettings& settings) {
  options.text("host", settings.host, "127.0.0.1", "address to listen on");
  options.port("api-port", settings.api_port, kApiPort, "port of the API, the client page and /ws").alias("apiPort");
  options.port("ws-port", settings.ws_port, kWsPort, "port of the WebSocket listener").alias("wsPort");
  options.integer<unsigned>("threads", settings.threads, 0, {0, runtime::kReactorsMax}, "reactors; 0: one per core");
  options.duration_ms("drain-ms", settings.drain, std::chrono::milliseconds(500),
                      {std::chrono::milliseconds(0), std::chrono::milliseconds(600'000)},
                      "between telling clients of a shutdown and closing them");
  options.one_of<AuthKind>("auth", settings.auth, AuthKind::none, {{"none", AuthKind::none}, {"jwt", AuthKind::jwt}},
                           "how clients prove who they are");
  options.secret("jwt-secret", settings.jwt_secret, "key of HS256 tokens");
  options.text("jwt-secret-file", settings.jwt_secret_file, "", "file that holds the key of HS256 tokens");
  options.text("jwt-public-key", settings.jwt_public_key, "", "PEM file with the key of RS256, ES256 or EdDSA tokens");
  options.flag("insecure", settings.insecure, "allow --auth none on an address beyond loopback");
  declare(options, settings.limits);
  declare(options, settings.cluster_secret);
  declare(options, settings.tls);
  declare(options, settings.log);
  options.rule([&settings] { return check_exposure(settings); });
  options.rule([&settings] { return check_keys(settings); });
}

std::unique_ptr<chat::Authenticator> make_authenticator(const GatewaySettings& settings) {
  if (settings.auth == AuthKind::none) return std::make_unique<chat::TrustingAuthenticator>();
  if (!settings.jwt_public_key.empty()) return adapters::jwt::with_public_key(read_file(settings.jwt_public_key));
  return adapters::jwt::with_secret(settings.jwt_secret.empty() ? read_file(settings.jwt_secret_file)
                                                                : settings.jwt_secret);
}

sv_websocket::GatewayOptions gateway_options(const GatewaySettings& settings, std::string public_url,
                                             std::chrono::milliseconds lease, runtime::TlsContext* tls) {
  return {
      .host = settings.host,
      .api_port = settings.api_port,
      .ws_port = settings.ws_port,
      .public_url = std::move(public_url),
      .incarnation = make_incarnation(),
      .lease = lease,
      .drain = settings.drain,
      .connections_max = connections_max(),
      .access = {.cluster_secret = settings.cluster_secret.read(), .open_without_secret = is_loopback(settings.host)},
      .limits = settings.limits.limits,
      .admission = settings.limits.admission(),
      .tls = tls};
}

}  // namespace simplechat::apps

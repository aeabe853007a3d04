#include "apps/token_command.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/jwt/jwt_authenticator.h"
#include "adapters/jwt/token_signer.h"
#include "apps/service_main.h"
#include "chat/ids.h"
#include "websocket/utf8.h"

namespace simplechat::apps {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr const char* kDescription = "Make a token for trying out a server with --auth jwt, and print it.";
constexpr const char* kFooter = R"help(Examples:
  head -c 32 /dev/urandom | base64 > secret.txt
  simplechat serve --auth jwt --jwt-secret-file secret.txt
  simplechat token --user alice --secret-file secret.txt
  simplechat chat --me alice --to bob --token "$(simplechat token --user alice --secret-file secret.txt)"

  openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out public.pem
  simplechat serve --auth jwt --jwt-public-key public.pem
  simplechat token --user alice --private-key key.pem --ttl 15m

Who holds the key can speak for anybody: in production a login service does, and no one else.)help";

struct Arguments {
  std::string user;
  std::string ttl = "1h";
  std::string secret_file;
  std::string private_key;
  std::string issuer;
  std::string audience;
  std::string token_id;
  std::string key_id;
};

int usage(std::string_view problem) {
  std::cerr << "simplechat token: " << problem << '\n';
  return kUsage;
}

// Seconds of `90s`, `15m`, `1h`, `7d`; 0 of `never`.
std::optional<std::int64_t> parse_ttl(std::string_view text) {
  if (text == "never") return 0;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr std::int64_t kNumberMax = 100'000;
  if (error != std::errc() || number < 1 || number > kNumberMax) return std::nullopt;
  const std::string_view unit(end, text.data() + text.size());
  if (unit == "s") return number;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  if (unit == "d") return number * 86'400;
  return std::nullopt;
}

std::optional<std::string> problem_of(const Arguments& arguments) {
  if (!chat::is_user_id(arguments.user)) return "--user must be 1 to 64 characters of A-Z a-z 0-9 . _ - @ +";
  if (!parse_ttl(arguments.ttl)) return "--ttl must be 1 to 100000 and a unit, as in 90s, 15m, 1h or 7d; or never";
  if (arguments.secret_file.empty() == arguments.private_key.empty()) {
    return "give one of --secret-file and --private-key";
  }
  for (const std::string* text : {&arguments.issuer, &arguments.audience, &arguments.token_id, &arguments.key_id}) {
    if (!websocket::is_utf8(*text)) return "--issuer, --audience, --jti and --kid must be UTF-8";
  }
  return std::nullopt;
}

}  // namespace

int run_token(int argc, const char* const* argv) {
  Arguments arguments;
  CLI::App app(kDescription, "simplechat token");
  app.footer(kFooter);
  app.add_option("--user", arguments.user, "whom the token speaks for (sub)")->required();
  app.add_option("--ttl", arguments.ttl, "how long it is good for: 90s, 15m, 1h, 7d, never")->capture_default_str();
  app.add_option("--secret-file", arguments.secret_file, "file with the key of HS256 tokens");
  app.add_option("--private-key", arguments.private_key, "PEM file: RSA (RS256), EC P-256 (ES256) or Ed25519 (EdDSA)");
  app.add_option("--issuer", arguments.issuer, "iss");
  app.add_option("--audience", arguments.audience, "aud");
  app.add_option("--jti", arguments.token_id, "id of this one token, by which it can be revoked");
  app.add_option("--kid", arguments.key_id, "id of the key, in a key set");
  std::vector<const char*> words{"simplechat token"};
  words.insert(words.end(), argv, argv + argc);
  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }
  if (const auto problem = problem_of(arguments)) return usage(*problem);
  try {
    namespace jwt = adapters::jwt;
    const auto signer = arguments.private_key.empty() ? jwt::secret_signer(read_file(arguments.secret_file))
                                                      : jwt::private_key_signer(read_file(arguments.private_key));
    const std::int64_t now_s = jwt::system_seconds();
    const std::int64_t ttl_s = *parse_ttl(arguments.ttl);
    std::cout << jwt::make_token(*signer, {.user = arguments.user,
                                           .issued_s = now_s,
                                           .expires_s = ttl_s == 0 ? 0 : now_s + ttl_s,
                                           .issuer = arguments.issuer,
                                           .audience = arguments.audience,
                                           .token_id = arguments.token_id,
                                           .key_id = arguments.key_id})
              << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "simplechat token: " << error.what() << '\n';
    return kFailed;
  }
}

}  // namespace simplechat::apps

#include "adapters/jwt/jwt_authenticator.h"

#include <simdjson.h>

#include <chrono>
#include <expected>
#include <optional>
#include <utility>

#include "adapters/jwt/base64url.h"
#include "adapters/jwt/signature_verifier.h"
#include "chat/ids.h"

namespace simplechat::adapters::jwt {
namespace {

using chat::Result;
using simdjson::dom::element;
using simdjson::dom::object;

std::unexpected<chat::Error> refuse(std::string reason) {
  return chat::fail(chat::ErrorCode::unauthorized, std::move(reason));
}

std::unexpected<chat::Error> refuse_form() { return refuse("the token is not a JSON Web Token"); }

// A token's three parts, still encoded.
struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signature;
  std::string_view signed_text;  // header.claims
};

std::optional<Parts> split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{.header = token.substr(0, first),
               .claims = token.substr(first + 1, second - first - 1),
               .signature = token.substr(second + 1),
               .signed_text = token.substr(0, second)};
}

// The object that an encoded part holds; valid until the thread's next call.
Result<object> read_object(std::string_view part) {
  thread_local simdjson::dom::parser parser;  // keeps its buffers, which kTokenBytesMax bounds
  const std::optional<std::string> json = decode_base64url(part);
  object fields;
  if (!json || parser.parse(json->data(), json->size()).get(fields) != simdjson::SUCCESS) return refuse_form();
  return fields;
}

// The field `name`, or nothing if absent. A field given twice is refused, lest the issuer's software and this one
// believe different ones (RFC 7515 section 4, RFC 7519 section 4).
Result<std::optional<element>> find(object fields, std::string_view name) {
  std::optional<element> found;
  for (const auto field : fields) {
    if (field.key != name) continue;
    if (found) return refuse("the token has the same field twice");
    found = field.value;
  }
  return found;
}

// The NumericDate `name` in seconds since the epoch, which may have a fraction (RFC 7519 section 2), or nothing if
// absent.
Result<std::optional<double>> find_date(object claims, std::string_view name) {
  const auto field = find(claims, name);
  if (!field) return std::unexpected(field.error());
  if (!field->has_value()) return std::nullopt;
  double seconds = 0;
  if ((*field)->get(seconds) != simdjson::SUCCESS) return refuse("the token has a date that is not a number");
  return seconds;
}

Result<void> check_header(object header, std::string_view algorithm) {
  const auto critical = find(header, "crit");
  if (!critical) return std::unexpected(critical.error());
  if (critical->has_value()) return refuse("the token needs an extension that is not supported");
  const auto named = find(header, "alg");
  if (!named) return std::unexpected(named.error());
  std::string_view name;
  if (!named->has_value() || (*named)->get(name) != simdjson::SUCCESS || name != algorithm) {
    return refuse("the token is not signed with " + std::string(algorithm));
  }
  return {};
}

Result<void> check_dates(object claims, std::int64_t now) {
  const auto expires = find_date(claims, "exp");
  if (!expires) return std::unexpected(expires.error());
  const auto begins = find_date(claims, "nbf");
  if (!begins) return std::unexpected(begins.error());
  const auto now_s = static_cast<double>(now);
  if (*expires && now_s >= **expires + kLeewaySeconds) return refuse("the token has expired");
  if (*begins && now_s < **begins - kLeewaySeconds) return refuse("the token is not valid yet");
  return {};
}

Result<std::string> read_subject(object claims) {
  const auto subject = find(claims, "sub");
  if (!subject) return std::unexpected(subject.error());
  std::string_view user;
  if (!subject->has_value() || (*subject)->get(user) != simdjson::SUCCESS || !chat::is_user_id(user)) {
    return refuse("the token's sub is not a user id");
  }
  return std::string(user);
}

class JwtAuthenticator final : public chat::Authenticator {
 public:
  JwtAuthenticator(std::unique_ptr<SignatureVerifier> verifier, Clock clock)
      : verifier_(std::move(verifier)), clock_(std::move(clock)) {}

  [[nodiscard]] Result<std::string> authenticate(std::string_view claimed, std::string_view token) const override {
    if (token.empty()) return refuse("a token is required");
    if (token.size() > kTokenBytesMax) return refuse("the token is too long");
    const std::optional<Parts> parts = split(token);
    if (!parts) return refuse_form();
    if (const auto verified = verify(*parts); !verified) return std::unexpected(verified.error());
    Result<std::string> user = read_user(parts->claims);
    if (user && !claimed.empty() && *user != claimed) return refuse("the token belongs to another user");
    return user;
  }

 private:
  [[nodiscard]] Result<void> verify(const Parts& parts) const {
    const Result<object> header = read_object(parts.header);
    if (!header) return std::unexpected(header.error());
    if (auto checked = check_header(*header, verifier_->algorithm()); !checked) return checked;
    const std::optional<std::string> signature = decode_base64url(parts.signature);
    if (!signature) return refuse_form();
    if (!verifier_->accepts(parts.signed_text, *signature)) return refuse("the token's signature is wrong");
    return {};
  }

  // `part` must have been verified.
  [[nodiscard]] Result<std::string> read_user(std::string_view part) const {
    const Result<object> claims = read_object(part);
    if (!claims) return std::unexpected(claims.error());
    if (const auto checked = check_dates(*claims, clock_()); !checked) return std::unexpected(checked.error());
    return read_subject(*claims);
  }

  std::unique_ptr<SignatureVerifier> verifier_;
  Clock clock_;
};

}  // namespace

std::int64_t system_seconds() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
}

std::unique_ptr<chat::Authenticator> with_secret(std::string secret, Clock clock) {
  return std::make_unique<JwtAuthenticator>(hmac_verifier(std::move(secret)), std::move(clock));
}

std::unique_ptr<chat::Authenticator> with_public_key(std::string_view pem, Clock clock) {
  return std::make_unique<JwtAuthenticator>(public_key_verifier(pem), std::move(clock));
}

}  // namespace simplechat::adapters::jwt

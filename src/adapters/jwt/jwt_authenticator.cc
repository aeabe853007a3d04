#include "adapters/jwt/jwt_authenticator.h"

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <expected>
#include <optional>
#include <utility>

#include "adapters/jwt/base64url.h"
#include "chat/ids.h"

namespace simplechat::adapters::jwt {
namespace {

using chat::Result;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr double kValidForMaxS = 1e9;  // beyond: as long as that
constexpr double kDateMaxS = 1e12;     // a later `iat` is none

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

// The string `name`; nothing if it is absent or of another type.
Result<std::optional<std::string_view>> find_text(object fields, std::string_view name) {
  const auto field = find(fields, name);
  if (!field) return std::unexpected(field.error());
  std::string_view text;
  if (!field->has_value() || (*field)->get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

// What a token's header says of its signature.
struct Header {
  std::string algorithm;  // empty if it names none
  std::optional<std::string> key_id;
};

Result<Header> read_header(std::string_view part) {
  const Result<object> fields = read_object(part);
  if (!fields) return std::unexpected(fields.error());
  const auto critical = find(*fields, "crit");
  if (!critical) return std::unexpected(critical.error());
  if (critical->has_value()) return refuse("the token needs an extension that is not supported");
  const auto algorithm = find_text(*fields, "alg");
  if (!algorithm) return std::unexpected(algorithm.error());
  const auto key_id = find_text(*fields, "kid");
  if (!key_id) return std::unexpected(key_id.error());
  if (*key_id && (*key_id)->size() > kKeyIdBytesMax) return refuse("the token's kid is too long");
  return Header{.algorithm = std::string(algorithm->value_or("")), .key_id = std::optional<std::string>(*key_id)};
}

// What is left of the token's time; nothing if it has no `exp`.
Result<std::optional<std::chrono::seconds>> check_dates(object claims, std::int64_t now) {
  const auto expires = find_date(claims, "exp");
  if (!expires) return std::unexpected(expires.error());
  const auto begins = find_date(claims, "nbf");
  if (!begins) return std::unexpected(begins.error());
  const auto now_s = static_cast<double>(now);
  if (*expires && now_s >= **expires) return refuse("the token has expired");
  if (*begins && now_s < **begins - kLeewaySeconds) return refuse("the token is not valid yet");
  if (!*expires) return std::nullopt;
  const double left_s = std::min(std::ceil(**expires - now_s), kValidForMaxS);
  return std::chrono::seconds(static_cast<std::int64_t>(left_s));
}

Result<void> check_issuer(object claims, std::string_view expected) {
  if (expected.empty()) return {};
  const auto issuer = find_text(claims, "iss");
  if (!issuer) return std::unexpected(issuer.error());
  if (*issuer != expected) return refuse("the token is of another issuer");
  return {};
}

// `aud` is a string or an array of them (RFC 7519 section 4.1.3).
Result<void> check_audience(object claims, std::string_view expected) {
  if (expected.empty()) return {};
  const auto field = find(claims, "aud");
  if (!field) return std::unexpected(field.error());
  if (field->has_value()) {
    simdjson::dom::array values;
    if ((*field)->get(values) != simdjson::SUCCESS) {
      std::string_view text;
      if ((*field)->get(text) == simdjson::SUCCESS && text == expected) return {};
    } else {
      for (const element value : values) {
        std::string_view text;
        if (value.get(text) == simdjson::SUCCESS && text == expected) return {};
      }
    }
  }
  return refuse("the token is for another audience");
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

// Seconds since the epoch at which the token was issued, rounded down; 0 if it does not say so.
Result<std::int64_t> read_issued(object claims) {
  const auto issued = find_date(claims, "iat");
  if (!issued) return std::unexpected(issued.error());
  const double seconds = std::floor(issued->value_or(0));
  return seconds > 0 && seconds < kDateMaxS ? static_cast<std::int64_t>(seconds) : 0;
}

Result<std::string> read_token_id(object claims) {
  const auto id = find_text(claims, "jti");
  if (!id) return std::unexpected(id.error());
  if (*id && (*id)->size() > kTokenIdBytesMax) return refuse("the token's jti is too long");
  return std::string(id->value_or(""));
}

class JwtAuthenticator final : public chat::Authenticator {
 public:
  JwtAuthenticator(std::shared_ptr<KeySource> source, Expectations expected)
      : source_(std::move(source)), expected_(std::move(expected)) {}

  [[nodiscard]] Result<chat::Identity> authenticate(std::string_view claimed, std::string_view token) const override {
    if (token.empty()) return refuse("a token is required");
    if (token.size() > kTokenBytesMax) return refuse("the token is too long");
    const std::optional<Parts> parts = split(token);
    if (!parts) return refuse_form();
    if (const auto verified = verify(*parts); !verified) return std::unexpected(verified.error());
    Result<chat::Identity> identity = read_claims(parts->claims);
    if (identity && !claimed.empty() && identity->user != claimed) {
      return refuse("the token belongs to another user");
    }
    return identity;
  }

  [[nodiscard]] bool reads_tokens() const override { return true; }

 private:
  [[nodiscard]] Result<void> verify(const Parts& parts) const {
    const Result<Header> header = read_header(parts.header);
    if (!header) return std::unexpected(header.error());
    const std::shared_ptr<const KeySet> keys = source_->keys();
    if (!keys) return chat::fail(chat::ErrorCode::unavailable, "the keys for tokens are not there yet; try again");
    const auto verifier = keys->choose(header->algorithm, header->key_id);
    if (!verifier && verifier.error().code == chat::ErrorCode::not_found) {
      if (!source_->look_for_newer()) return refuse(verifier.error().message);
      return chat::fail(chat::ErrorCode::unavailable, "the token's key is being looked for; try again");
    }
    if (!verifier) return std::unexpected(verifier.error());
    const std::optional<std::string> signature = decode_base64url(parts.signature);
    if (!signature) return refuse_form();
    if (!(*verifier)->accepts(parts.signed_text, *signature)) return refuse("the token's signature is wrong");
    return {};
  }

  // `part` must have been verified.
  [[nodiscard]] Result<chat::Identity> read_claims(std::string_view part) const {
    const Result<object> claims = read_object(part);
    if (!claims) return std::unexpected(claims.error());
    const auto valid_for = check_dates(*claims, expected_.clock());
    if (!valid_for) return std::unexpected(valid_for.error());
    if (const auto right = check_issuer(*claims, expected_.issuer); !right) return std::unexpected(right.error());
    if (const auto right = check_audience(*claims, expected_.audience); !right) return std::unexpected(right.error());
    auto user = read_subject(*claims);
    if (!user) return std::unexpected(user.error());
    const auto issued_s = read_issued(*claims);
    if (!issued_s) return std::unexpected(issued_s.error());
    auto token_id = read_token_id(*claims);
    if (!token_id) return std::unexpected(token_id.error());
    return chat::Identity{
        .user = *std::move(user), .valid_for = *valid_for, .issued_s = *issued_s, .token_id = *std::move(token_id)};
  }

  const std::shared_ptr<KeySource> source_;
  const Expectations expected_;
};

}  // namespace

std::int64_t system_seconds() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
}

std::unique_ptr<chat::Authenticator> with_secret(std::string secret, Expectations expected) {
  return with_keys(std::make_shared<FixedKeys>(hmac_verifier(std::move(secret))), std::move(expected));
}

std::unique_ptr<chat::Authenticator> with_public_key(std::string_view pem, Expectations expected) {
  return with_keys(std::make_shared<FixedKeys>(public_key_verifier(pem)), std::move(expected));
}

std::unique_ptr<chat::Authenticator> with_keys(std::shared_ptr<KeySource> source, Expectations expected) {
  return std::make_unique<JwtAuthenticator>(std::move(source), std::move(expected));
}

}  // namespace simplechat::adapters::jwt

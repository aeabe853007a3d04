#include "adapters/jwt/key_set.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "adapters/jwt/base64url.h"

namespace simplechat::adapters::jwt {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::unexpected<chat::Error> refuse(std::string message) {
  return chat::fail(chat::ErrorCode::bad_frame, std::move(message));
}

std::optional<std::string_view> text_of(object key, std::string_view name) {
  std::string_view text;
  if (key.at_key(name).get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

// The bytes of a field; empty if it is absent or not base64url.
std::string bytes_of(object key, std::string_view name) {
  const auto text = text_of(key, name);
  return text ? decode_base64url(*text).value_or("") : "";
}

bool lists(array values, std::string_view wanted) {
  return std::ranges::any_of(values, [&](element value) {
    std::string_view text;
    return value.get(text) == simdjson::SUCCESS && text == wanted;
  });
}

bool is_for_signatures(object key) {
  const auto use = text_of(key, "use");
  if (use && *use != "sig") return false;
  array operations;
  return key.at_key("key_ops").get(operations) != simdjson::SUCCESS || lists(operations, "verify");
}

KeyResult verifier_of(object key) {
  const std::string_view kind = text_of(key, "kty").value_or("");
  const std::string_view curve = text_of(key, "crv").value_or("");
  if (kind == "RSA") return rsa_verifier(bytes_of(key, "n"), bytes_of(key, "e"));
  if (kind == "EC" && curve == "P-256") return p256_verifier(bytes_of(key, "x"), bytes_of(key, "y"));
  if (kind == "OKP" && curve == "Ed25519") return ed25519_verifier(bytes_of(key, "x"));
  if (kind == "oct") {
    std::string secret = bytes_of(key, "k");
    if (secret.size() >= kSecretBytesMin) return hmac_verifier(std::move(secret));
  }
  return refuse("is of a kind that is not supported");
}

// nullptr if the key is of no use here.
std::unique_ptr<SignatureVerifier> usable(object key) {
  if (!is_for_signatures(key)) return nullptr;
  KeyResult verifier = verifier_of(key);
  if (!verifier) return nullptr;
  const auto algorithm = text_of(key, "alg");
  return algorithm && *algorithm != (*verifier)->algorithm() ? nullptr : *std::move(verifier);
}

}  // namespace

KeySet::KeySet(std::unique_ptr<SignatureVerifier> only) : named_(false) {
  keys_.push_back({.id = std::nullopt, .verifier = std::move(only)});
}

chat::Result<std::shared_ptr<const KeySet>> KeySet::parse(std::string_view json) {
  if (json.size() > kKeySetBytesMax) return refuse("the key set is too long");
  simdjson::dom::parser parser;
  object document;
  array entries;
  if (parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS ||
      document.at_key("keys").get(entries) != simdjson::SUCCESS) {
    return refuse("it is not a JSON Web Key Set: an object with an array \"keys\"");
  }
  if (entries.size() > kKeysMax) return refuse("the key set has more than " + std::to_string(kKeysMax) + " keys");
  std::shared_ptr<KeySet> set(new KeySet());
  for (const element entry : entries) {
    object key;
    if (entry.get(key) != simdjson::SUCCESS) return refuse("the key set has a key that is not an object");
    std::unique_ptr<SignatureVerifier> verifier = usable(key);
    if (!verifier) continue;
    const auto id = text_of(key, "kid");
    if (id && id->size() > kKeyIdBytesMax) continue;
    set->keys_.push_back({.id = id ? std::optional<std::string>(*id) : std::nullopt, .verifier = std::move(verifier)});
  }
  if (set->keys_.empty()) return refuse("the key set has no key that is of use: RSA, EC P-256, OKP Ed25519 or oct");
  return set;
}

chat::Result<const SignatureVerifier*> KeySet::choose(std::string_view algorithm,
                                                      std::optional<std::string_view> key_id) const {
  const auto unauthorized = [](std::string message) {
    return chat::fail(chat::ErrorCode::unauthorized, std::move(message));
  };
  if (!named_) {
    const SignatureVerifier* only = keys_.front().verifier.get();
    if (algorithm == only->algorithm()) return only;
    return unauthorized("the token is not signed with " + std::string(only->algorithm()));
  }
  const SignatureVerifier* found = nullptr;
  bool id_known = false;
  for (const Key& key : keys_) {
    if (key_id && key.id != *key_id) continue;
    id_known = true;
    if (key.verifier->algorithm() != algorithm) continue;
    if (found != nullptr) return unauthorized("the token does not say which of several keys it is signed with");
    found = key.verifier.get();
  }
  if (found != nullptr) return found;
  if (key_id && !id_known) return chat::fail(chat::ErrorCode::not_found, "the token is signed with an unknown key");
  return unauthorized("no key is there for the token's algorithm");
}

}  // namespace simplechat::adapters::jwt

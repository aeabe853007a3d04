// The keys that tokens may be signed with: one that is configured, or a JSON Web Key Set (RFC 7517).
//
// Which key a token is checked with follows from its `kid`; by which algorithm, from the key alone. Immutable once
// made; thread-safe. Shared by the source of the keys and by every check that is under way.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/jwt/signature_verifier.h"
#include "chat/error.h"

namespace simplechat::adapters::jwt {

inline constexpr std::size_t kKeysMax = 100;  // of a set; beyond: refused
inline constexpr std::size_t kKeyIdBytesMax = 256;
inline constexpr std::size_t kKeySetBytesMax = std::size_t{256} * 1024;

class KeySet {
 public:
  // One key without a name: a token's `kid` is not looked at.
  explicit KeySet(std::unique_ptr<SignatureVerifier> only);

  // Reads {"keys":[...]}. Of kty RSA (RS256), EC on P-256 (ES256), OKP Ed25519 (EdDSA) and oct (HS256); keys that are
  // of another kind, unusable, or meant for something else than signatures (`use`, `key_ops`, `alg`) are passed over
  // (RFC 7517 section 5). Error: bad_frame if it is not a key set, has more than kKeysMax keys, or none that is of use.
  [[nodiscard]] static chat::Result<std::shared_ptr<const KeySet>> parse(std::string_view json);

  // The key for a token with this header: of a set the one with its `kid`, or without a `kid` the only one whose
  // algorithm is `algorithm`. Errors: not_found if no key has the `kid`, which a newer set may have; else unauthorized.
  [[nodiscard]] chat::Result<const SignatureVerifier*> choose(std::string_view algorithm,
                                                              std::optional<std::string_view> key_id) const;

  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::optional<std::string> id;
    std::unique_ptr<SignatureVerifier> verifier;
  };

  KeySet() = default;

  std::vector<Key> keys_;
  bool named_ = true;  // a set
};

// Where an authenticator has its keys from. Thread-safe.
class KeySource {
 public:
  virtual ~KeySource() = default;

  // The latest set; nullptr as long as there is none.
  [[nodiscard]] virtual std::shared_ptr<const KeySet> keys() const = 0;
  // A token names a key that keys() has not. True if the source looks whether there is a newer set, so that the token
  // may be tried again soon; false if it has just looked, or has nowhere to look.
  [[nodiscard]] virtual bool look_for_newer() = 0;
};

class FixedKeys final : public KeySource {
 public:
  explicit FixedKeys(std::unique_ptr<SignatureVerifier> only)
      : keys_(std::make_shared<const KeySet>(std::move(only))) {}
  [[nodiscard]] std::shared_ptr<const KeySet> keys() const override { return keys_; }
  [[nodiscard]] bool look_for_newer() override { return false; }

 private:
  const std::shared_ptr<const KeySet> keys_;
};

}  // namespace simplechat::adapters::jwt

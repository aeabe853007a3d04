// Who may act: the authenticator's word, less what has been revoked.
//
// One for each reactor, and lives there. What is revoked comes from the RevocationWatch; each reactor has its own copy
// of at most chat::kRevocationsMax, so that a registration asks nobody and takes no lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "chat/authenticator.h"
#include "chat/revocations.h"
#include "runtime/sharded_map.h"

namespace simplechat::sv_websocket {

class Gatekeeper {
 public:
  explicit Gatekeeper(const chat::Authenticator& authenticator) : authenticator_(authenticator) {}

  // As Authenticator::authenticate(), and unauthorized if the proof has been revoked; unavailable as long as it is not
  // known what has been.
  [[nodiscard]] chat::Result<chat::Identity> admit(std::string_view claimed, std::string_view token) const;
  [[nodiscard]] bool reads_tokens() const { return authenticator_.reads_tokens(); }

  // Whether what admit() let in has not been revoked meanwhile.
  [[nodiscard]] chat::Result<void> still_admits(const chat::Identity& identity) const;

  // From now on nobody with a token is let in until revoke() has been called once.
  void await_revocations() { awaiting_ = true; }
  void revoke(std::span<const chat::Revocation> revocations);
  // Lets go of what has run out. `now_s`: seconds since the Unix epoch.
  void forget(std::int64_t now_s);

  [[nodiscard]] std::size_t revocations() const { return users_.size() + tokens_.size(); }

 private:
  struct Times {
    std::int64_t issued_until_s = 0;
    std::int64_t kept_until_s = 0;
  };

  [[nodiscard]] bool is_revoked(const chat::Identity& identity) const;

  const chat::Authenticator& authenticator_;
  runtime::StringMap<Times> users_;
  runtime::StringMap<Times> tokens_;
  bool awaiting_ = false;
};

}  // namespace simplechat::sv_websocket

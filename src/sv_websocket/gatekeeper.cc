#include "sv_websocket/gatekeeper.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <utility>

namespace simplechat::sv_websocket {

chat::Result<chat::Identity> Gatekeeper::admit(std::string_view claimed, std::string_view token) const {
  auto identity = authenticator_.authenticate(claimed, token);
  if (!identity) return identity;
  if (awaiting_) {
    return chat::fail(chat::ErrorCode::unavailable, "it is not known yet which tokens are revoked; try again");
  }
  if (auto valid = still_admits(*identity); !valid) return std::unexpected(std::move(valid).error());
  return identity;
}

chat::Result<void> Gatekeeper::still_admits(const chat::Identity& identity) const {
  if (is_revoked(identity)) return chat::fail(chat::ErrorCode::unauthorized, "the token has been revoked");
  return {};
}

bool Gatekeeper::is_revoked(const chat::Identity& identity) const {
  if (!authenticator_.reads_tokens()) return false;
  const auto user = users_.find(identity.user);
  if (user != users_.end() && identity.issued_s <= user->second.issued_until_s) return true;
  return !identity.token_id.empty() && tokens_.contains(identity.token_id);
}

void Gatekeeper::revoke(std::span<const chat::Revocation> revocations) {
  awaiting_ = false;
  for (const chat::Revocation& each : revocations) {
    Times& times = (each.what == chat::Revoked::user ? users_ : tokens_)[each.subject];
    times.issued_until_s = std::max(times.issued_until_s, each.issued_until_s);
    times.kept_until_s = std::max(times.kept_until_s, each.kept_until_s);
  }
}

void Gatekeeper::forget(std::int64_t now_s) {
  const auto is_over = [now_s](const auto& entry) { return entry.second.kept_until_s <= now_s; };
  boost::unordered::erase_if(users_, is_over);
  boost::unordered::erase_if(tokens_, is_over);
}

}  // namespace simplechat::sv_websocket

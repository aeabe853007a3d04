#include "sv_websocket/revocation_watch.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <span>
#include <utility>

#include "runtime/log.h"

namespace simplechat::sv_websocket {

RevocationWatch::RevocationWatch(runtime::Reactor& reactor, chat::Revocations& revocations, Callbacks callbacks)
    : revocations_(revocations),
      callbacks_(std::move(callbacks)),
      poll_(reactor, "revocations_not_heard", [this] { return ask(); }) {}

chat::Task<chat::Result<void>> RevocationWatch::revoke(chat::Revocation revocation) {
  const auto kept = co_await revocations_.revoke(std::span(&revocation, 1));
  if (kept) take({std::move(revocation)}, told_);
  co_return kept;
}

void RevocationWatch::forget_now_and_then() {
  const auto now = std::chrono::steady_clock::now();
  if (now < forget_at_) return;
  forget_at_ = now + kForgetEvery;
  const std::int64_t now_s = callbacks_.now_s();
  boost::unordered::erase_if(known_, [now_s](const auto& each) { return each.second.kept_until_s <= now_s; });
  callbacks_.forget(now_s);
}

chat::Task<chat::Result<bool>> RevocationWatch::ask() {
  forget_now_and_then();
  auto changes = co_await revocations_.changes_since(version_);
  if (!changes) co_return std::unexpected(std::move(changes).error());
  const bool lost = changes->all && !version_.empty();
  if (lost) {
    runtime::log::warn("revocations_lost", {{"known_here", known_.size()}});
    to_tell_.clear();
    for (const auto& [key, revocation] : known_) to_tell_.push_back(revocation);
  }
  version_ = std::move(changes->version);
  take(std::move(changes->revocations), told_ || !changes->more);
  if (!changes->more && !to_tell_.empty()) co_await tell_again();
  co_return changes->more;
}

// What the store has kept meanwhile is not changed by it. What it cannot take now it is told with the next round; the
// news go on meanwhile, of all pages, also where it never can since it is full.
chat::Task<void> RevocationWatch::tell_again() {
  while (!to_tell_.empty() && !poll_.stopped()) {
    const std::size_t count = std::min(to_tell_.size(), chat::kRevocationsPerCallMax);
    const auto kept = co_await revocations_.revoke(std::span(to_tell_).last(count));
    if (!kept && !telling_fails_) {
      runtime::log::warn("revocations_not_told_again", {{"reason", kept.error().message}});
    }
    telling_fails_ = !kept;
    if (!kept) co_return;
    to_tell_.resize(to_tell_.size() - count);
  }
}

void RevocationWatch::take(std::vector<chat::Revocation> news, bool complete) {
  for (chat::Revocation& each : news) {
    chat::Revocation& known =
        known_.try_emplace((each.what == chat::Revoked::user ? "u:" : "t:") + each.subject, each).first->second;
    known.issued_until_s = std::max(known.issued_until_s, each.issued_until_s);  // a store without them may know less
    known.kept_until_s = std::max(known.kept_until_s, each.kept_until_s);
    news_.push_back(std::move(each));
  }
  if (!complete || (told_ && news_.empty())) return;
  told_ = true;
  callbacks_.revoked(std::make_shared<const std::vector<chat::Revocation>>(std::exchange(news_, {})));
}

}  // namespace simplechat::sv_websocket

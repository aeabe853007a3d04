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
    co_await tell_again();
  }
  version_ = std::move(changes->version);
  take(std::move(changes->revocations), told_ || !changes->more);
  co_return changes->more;
}

// What the store has kept meanwhile is not changed by it. If it fails, the next gateway or revocation may do better:
// here what is known stays in force.
chat::Task<void> RevocationWatch::tell_again() {
  std::vector<chat::Revocation> known;
  for (const auto& [key, revocation] : known_) known.push_back(revocation);
  for (std::size_t done = 0; done < known.size() && !poll_.stopped();) {
    const std::size_t count = std::min(known.size() - done, chat::kRevocationsPerCallMax);
    const auto kept = co_await revocations_.revoke(std::span(known).subspan(done, count));
    if (!kept) {
      runtime::log::warn("revocations_not_told_again", {{"reason", kept.error().message}});
      co_return;
    }
    done += count;
  }
}

void RevocationWatch::take(std::vector<chat::Revocation> news, bool complete) {
  for (chat::Revocation& each : news) {
    known_[(each.what == chat::Revoked::user ? "u:" : "t:") + each.subject] = each;
    news_.push_back(std::move(each));
  }
  if (!complete || (told_ && news_.empty())) return;
  told_ = true;
  callbacks_.revoked(std::make_shared<const std::vector<chat::Revocation>>(std::exchange(news_, {})));
}

}  // namespace simplechat::sv_websocket

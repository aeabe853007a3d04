#include "sv_websocket/block_watch.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <span>
#include <utility>

#include "runtime/log.h"

namespace simplechat::sv_websocket {

namespace asio = boost::asio;

BlockWatch::BlockWatch(runtime::Reactor& reactor, chat::Blocks& blocks, BlockTable& table, Callbacks callbacks)
    : reactor_(reactor),
      blocks_(blocks),
      table_(table),
      callbacks_(std::move(callbacks)),
      poll_(reactor, "blocks_not_heard", [this] { return ask(); }) {}

chat::Task<chat::Result<void>> BlockWatch::change(chat::BlockChange change) {
  auto kept = co_await blocks_.change_blocks(std::span(&change, 1));
  if (!kept) co_return kept;
  co_return co_await poll_.catch_up();
}

chat::Task<chat::Result<BlockedUsers>> BlockWatch::blocked_by(std::string user) {
  if (!known_) co_return chat::fail(chat::ErrorCode::unavailable, "it is not known yet who has blocked whom");
  co_return table_.blocked_by(user);
}

chat::Task<chat::Result<bool>> BlockWatch::ask() {
  auto changes = co_await blocks_.blocks_since(version_);
  if (!changes) co_return std::unexpected(std::move(changes).error());
  if (changes->all) begin_anew(changes->lost);
  version_ = std::move(changes->version);
  take(changes->changes);
  if (!changes->more) {
    if (told_) co_await drop_what_was_not_told();
    if (!std::exchange(known_, true)) callbacks_.known();
    if (!missed_.empty()) co_await make_again();
  }
  callbacks_.count(count_);
  co_return changes->more;
}

void BlockWatch::begin_anew(bool lost) {
  if (version_.empty()) return;  // nothing is known that might not be told
  if (lost) runtime::log::warn("blocks_lost", {{"known_here", count_}});
  lost_ = lost_ || lost;
  told_.emplace();
}

void BlockWatch::take(const std::vector<chat::BlockChange>& changes) {
  for (const chat::BlockChange& each : changes) {
    if (table_.change(each.user, each.blocked, each.present)) each.present ? ++count_ : --count_;
    if (told_) change_blocked((*told_)[each.user], each.blocked, each.present);
  }
}

chat::Task<void> BlockWatch::drop_what_was_not_told() {
  for (std::size_t part = 0; part < BlockTable::kParts; ++part) {
    table_.change_part(part, [this](const std::string& user, BlockedUsers& blocked) {
      const auto told = told_->find(user);
      std::erase_if(blocked, [&](const std::string& other) {
        if (told != told_->end() && has_blocked(told->second, other)) return false;
        if (lost_) {
          missed_.push_back({.user = user, .blocked = other});
          return false;
        }
        --count_;
        return true;
      });
    });
    co_await asio::post(reactor_.executor(), asio::use_awaitable);  // the sessions' turn
  }
  told_.reset();
  lost_ = false;
}

// What the store cannot take now it is given with the next round.
chat::Task<void> BlockWatch::make_again() {
  while (!missed_.empty() && !poll_.stopped()) {
    const std::size_t count = std::min(missed_.size(), chat::kBlockChangesPerCallMax);
    std::vector<chat::BlockChange> part(missed_.end() - static_cast<std::ptrdiff_t>(count), missed_.end());
    // Somebody may have been unblocked meanwhile.
    std::erase_if(part, [this](const auto& each) { return !table_.blocks(each.user, each.blocked); });
    const auto kept = co_await blocks_.change_blocks(part);
    if (!kept && !making_fails_) runtime::log::warn("blocks_not_made_again", {{"reason", kept.error().message}});
    making_fails_ = !kept;
    if (!kept) co_return;
    missed_.resize(missed_.size() - count);
  }
}

}  // namespace simplechat::sv_websocket

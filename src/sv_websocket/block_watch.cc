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
    if (!each.present) try_refused_again(each.user);
  }
}

// Since there is room now.
void BlockWatch::try_refused_again(const std::string& user) {
  const auto refused = refused_.find(user);
  if (refused == refused_.end()) return;
  for (std::string& blocked : refused->second) missed_.push_back({.user = user, .blocked = std::move(blocked)});
  refused_.erase(refused);
}

chat::Task<void> BlockWatch::drop_what_was_not_told() {
  if (lost_) {  // all of these are found again
    missed_.clear();
    refused_.clear();
  }
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
    const auto made = co_await make({missed_.end() - static_cast<std::ptrdiff_t>(count), missed_.end()});
    if (!made && !making_fails_) runtime::log::warn("blocks_not_made_again", {{"reason", made.error().message}});
    making_fails_ = !made;
    if (!made) co_return;
    missed_.resize(missed_.size() - count);
  }
}

// Where a user has blocked as many as may be, each user's are made apart, so that the others' are.
chat::Task<chat::Result<void>> BlockWatch::make(std::vector<chat::BlockChange> part) {
  // Somebody may have been unblocked meanwhile.
  std::erase_if(part, [this](const auto& each) { return !table_.blocks(each.user, each.blocked); });
  auto made = co_await blocks_.change_blocks(part);
  if (made || made.error().code != chat::ErrorCode::too_large) co_return made;
  for (auto begin = part.cbegin(); begin != part.cend();) {
    const auto end = std::find_if(begin, part.cend(), [begin](const auto& each) { return each.user != begin->user; });
    const std::span<const chat::BlockChange> of_user(begin, end);
    made = co_await blocks_.change_blocks(of_user);
    if (!made && made.error().code != chat::ErrorCode::too_large) co_return made;
    if (!made) refuse(of_user, made.error().message);
    begin = end;
  }
  co_return chat::Result<void>();
}

void BlockWatch::refuse(std::span<const chat::BlockChange> blocks, const std::string& reason) {
  runtime::log::warn("blocks_not_made_again", {{"blocks", blocks.size()}, {"reason", reason}});
  for (const chat::BlockChange& each : blocks) change_blocked(refused_[each.user], each.blocked, true);
}

}  // namespace simplechat::sv_websocket

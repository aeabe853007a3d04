#include "chat_client/feed.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace simplechat::chat_client {
namespace {

bool sorts_before(const chat::Message& a, const chat::Message& b) {
  return std::tie(a.at, a.from, a.id) < std::tie(b.at, b.from, b.id);
}

}  // namespace

void Feed::online(chat::Timestamp registered_at) {
  if (first_registered_at_ == 0) first_registered_at_ = registered_at;
  registered_at_ = registered_at;
  online_ = true;
  catching_up_ = true;
  catch_up_walks_ = 0;
  found_older_ = false;
  walk_ = Walk::wanted;
  walk_at_.reset();
  jitter_.reset();
}

void Feed::offline() {
  online_ = false;
  walk_ = Walk::none;
  again_ = false;
  walk_at_.reset();
}

void Feed::hold_for_history(bool hold, Instant now) {
  held_for_history_ = hold;
  if (!holding()) release();
  if (!hold && !walk_at_ && walk_ == Walk::none) walk_at_ = now + kFirstCheck;
}

void Feed::live(chat::Message message, Instant now) {
  ++live_since_walk_;
  if (walk_ == Walk::none) {
    const Instant due = live_since_walk_ >= kCheckAfterMessages ? now : now + kCheckEvery;
    walk_at_ = walk_at_ ? std::min(*walk_at_, due) : due;
  }
  if (holding()) return hold(std::move(message));
  if (seen_.add(message)) ready_.push_back(std::move(message));
}

void Feed::resync() {
  if (!online_) return;
  if (walk_ == Walk::none) {
    walk_ = Walk::wanted;
  } else {
    again_ = true;
  }
}

void Feed::shown_by_history(const std::vector<chat::Message>& messages) {
  for (const chat::Message& message : messages) seen_.add(message);
}

std::optional<Feed::Request> Feed::take_request(Instant now) {
  if (!online_) return std::nullopt;
  if (walk_ == Walk::none && walk_at_ && *walk_at_ <= now) walk_ = Walk::wanted;
  if (walk_ != Walk::wanted) return std::nullopt;
  walk_ = Walk::asked;
  walk_at_.reset();
  live_since_walk_ = 0;
  if (!cursor_) return Request{.latest = true, .cursor = {}};
  return Request{.latest = false, .cursor = *cursor_};
}

void Feed::answered(std::vector<chat::Message> messages, std::string cursor, bool more, Instant now) {
  if (walk_ != Walk::asked) return;
  jitter_.reset();
  for (chat::Message& message : messages) {
    if (from_the_start_ && message.at < first_registered_at_) continue;
    if (seen_.contains(message)) continue;
    if (message.at < registered_at_) found_older_ = true;
    hold(std::move(message));
  }
  const bool moved = cursor_ != cursor;
  cursor_ = std::move(cursor);
  if ((more && moved) || std::exchange(again_, false)) {
    walk_ = Walk::wanted;
  } else {
    finish_walk(now);
  }
}

void Feed::finish_walk(Instant now) {
  walk_ = Walk::none;
  from_the_start_ = false;
  if (catching_up_) {
    const bool found_older = std::exchange(found_older_, false);
    ++catch_up_walks_;
    catching_up_ = catch_up_walks_ == 1 || (found_older && catch_up_walks_ < kCatchUpWalksMax);
    walk_at_ = now + (catching_up_ ? kSettle : kFirstCheck);
  }
  if (!holding()) release();
}

void Feed::failed(std::string_view code, Milliseconds at_least, Instant now) {
  if (walk_ != Walk::asked) return;
  if (code == "bad_frame" && cursor_ && !cursor_->empty()) {  // another store's, or a later state's
    cursor_ = "";
    from_the_start_ = true;
    walk_ = Walk::wanted;
    return;
  }
  // Live messages need not wait for a store that is away.
  walk_ = Walk::none;
  walk_at_ = now + std::max(at_least, jitter_.next(random_));
  catching_up_ = false;
  if (!held_for_history_) release();
}

std::optional<Instant> Feed::next_wake() const { return online_ && walk_ == Walk::none ? walk_at_ : std::nullopt; }

void Feed::hold(chat::Message message) {
  held_bytes_ += message.payload.size();
  held_.push_back(std::move(message));
  if (held_.size() >= kHeldMessagesMax || held_bytes_ >= kHeldBytesMax) release();
}

void Feed::release() {
  std::ranges::sort(held_, sorts_before);
  for (chat::Message& message : held_) {
    if (seen_.add(message)) ready_.push_back(std::move(message));
  }
  held_.clear();
  held_bytes_ = 0;
}

std::vector<chat::Message> Feed::take() { return std::exchange(ready_, {}); }

}  // namespace simplechat::chat_client

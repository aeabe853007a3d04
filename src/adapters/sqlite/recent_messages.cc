#include "adapters/sqlite/recent_messages.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace simplechat::adapters::sqlite {

void Generation::add(std::int64_t conversation, RecentMessage message) {
  const std::scoped_lock lock(mutex_);
  messages_[conversation].push_back(std::move(message));
  ++size_;
}

std::vector<RecentMessage> Generation::of(std::int64_t conversation, std::int64_t until) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = messages_.find(conversation);
  if (entry == messages_.end()) return {};
  const auto end = std::ranges::upper_bound(entry->second, until, {}, &RecentMessage::seq);
  return {entry->second.begin(), end};
}

std::optional<std::int64_t> Generation::next(std::int64_t conversation, std::int64_t after, std::int64_t until) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = messages_.find(conversation);
  if (entry == messages_.end()) return std::nullopt;
  const auto next = std::ranges::upper_bound(entry->second, after, {}, &RecentMessage::seq);
  if (next == entry->second.end() || next->seq > until) return std::nullopt;
  return next->seq;
}

std::vector<std::int64_t> Generation::conversations() const {
  std::vector<std::int64_t> conversations;
  conversations.reserve(messages_.size());
  for (const auto& [conversation, messages] : messages_) conversations.push_back(conversation);
  std::ranges::sort(conversations);
  return conversations;
}

std::vector<RecentMessage> RecentView::of(std::int64_t conversation) const {
  std::vector<RecentMessage> all;
  for (const auto& generation : generations_) {
    std::ranges::move(generation->of(conversation, until_), std::back_inserter(all));
  }
  return all;
}

std::optional<std::int64_t> RecentView::next(std::int64_t conversation, std::int64_t after) const {
  for (const auto& generation : generations_) {
    if (const auto next = generation->next(conversation, after, until_)) return next;
  }
  return std::nullopt;
}

void RecentMessages::add(std::int64_t conversation, RecentMessage message) {
  unshown_.push_back({conversation, std::move(message)});
}

void RecentMessages::show() {
  if (unshown_.empty()) return;
  const std::int64_t last = unshown_.back().message.seq;
  for (Unshown& each : unshown_) filling_->add(each.conversation, std::move(each.message));
  unshown_.clear();
  const std::scoped_lock lock(mutex_);
  until_ = last;
}

std::shared_ptr<const Generation> RecentMessages::to_index() {
  if (indexed_ == nullptr && filling_->size() >= generation_messages_) {
    const std::scoped_lock lock(mutex_);
    indexed_ = std::exchange(filling_, std::make_shared<Generation>());
    filling_first_ = until_ + 1;
  }
  return indexed_;
}

void RecentMessages::drop_indexed() {
  const std::scoped_lock lock(mutex_);
  indexed_.reset();
  first_ = filling_first_;
}

RecentView RecentMessages::view() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<const Generation>> generations;
  if (indexed_ != nullptr) generations.push_back(indexed_);
  generations.push_back(filling_);
  return {std::move(generations), first_, until_};
}

}  // namespace simplechat::adapters::sqlite

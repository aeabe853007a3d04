#include "adapters/memory/message_store.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <functional>
#include <optional>
#include <ranges>
#include <string_view>
#include <system_error>

#include "chat/ids.h"
#include "chat/page_bounds.h"

namespace simplechat::adapters::memory {
namespace {

constexpr std::string_view kCursorPrefix = "m1.";

auto history_order(const chat::Message* message) { return std::tie(message->at, message->from, message->id); }

std::string cursor_of(std::size_t position) { return std::string(kCursorPrefix) + std::to_string(position); }

// The position of a cursor that cursor_of() made, at most `end`.
std::optional<std::size_t> position_of(std::string_view cursor, std::size_t end) {
  if (cursor.empty()) return 0;
  if (!cursor.starts_with(kCursorPrefix)) return std::nullopt;
  std::size_t position = 0;
  const char* const last = cursor.data() + cursor.size();
  const auto [stop, error] = std::from_chars(cursor.data() + kCursorPrefix.size(), last, position);
  if (error != std::errc{} || stop != last || position > end) return std::nullopt;
  return position;
}

}  // namespace

chat::Task<chat::Result<void>> MessageStore::append(const chat::RecordBatch& batch) {
  const std::scoped_lock lock(mutex_);
  for (const chat::MessageView& view : batch.messages) {
    std::string key = chat::conversation_key(view.from, view.to);
    if (!stored_.emplace(key, view.from, view.id).second) continue;
    members_.emplace(view.from, key);
    if (!chat::is_group_address(view.to)) members_.emplace(view.to, key);
    log_.push_back({.conversation = std::move(key),
                    .message = {.id = std::string(view.id),
                                .from = std::string(view.from),
                                .to = std::string(view.to),
                                .payload = std::string(view.payload),
                                .at = view.at}});
  }
  for (const chat::Mark& mark : batch.marks) {
    Marks& marks = marks_[{chat::conversation_key(mark.user, mark.with), mark.user}];
    chat::Timestamp& high = mark.kind == chat::MarkKind::read ? marks.read_at : marks.received_at;
    high = std::max(high, mark.at);
  }
  co_return chat::Result<void>();
}

chat::Task<chat::Result<chat::HistoryPage>> MessageStore::history(const chat::HistoryQuery& query) {
  const std::scoped_lock lock(mutex_);
  const std::string key = chat::conversation_key(query.user, query.with);
  std::vector<const chat::Message*> found;
  for (const Stored& stored : log_) {
    const chat::Timestamp at = stored.message.at;
    if (stored.conversation != key || (query.before && at >= *query.before) || (query.after && at <= *query.after))
      continue;
    found.push_back(&stored.message);
  }
  std::ranges::sort(found, {}, history_order);

  chat::PageBounds bounds(query.limit);
  const auto fits = [&bounds](const chat::Message* message) {
    return bounds.take(message->at, message->payload.size());
  };
  if (query.after) {
    static_cast<void>(std::ranges::all_of(found, fits));
  } else {
    static_cast<void>(std::ranges::all_of(found | std::views::reverse, fits));
  }
  const std::size_t first = query.after ? 0 : found.size() - bounds.size();
  chat::HistoryPage page;
  for (std::size_t i = first; i < first + bounds.size(); ++i) page.messages.add(found[i]->view());
  page.more = bounds.size() < found.size();
  co_return page;
}

chat::Task<chat::Result<chat::ConversationsPage>> MessageStore::conversations(const chat::ConversationsQuery& query) {
  const std::scoped_lock lock(mutex_);
  std::map<ConversationKey, const chat::Message*> last_of;
  for (const Stored& stored : log_) {
    if (!takes_part(query.user, stored.conversation)) continue;
    const chat::Message*& last = last_of[stored.conversation];
    if (last == nullptr || history_order(last) < history_order(&stored.message)) last = &stored.message;
  }
  std::vector<chat::Conversation> found;
  for (const auto& [key, last] : last_of) {
    if (!query.before || last->at < *query.before) found.push_back(summary(*last, key, query.user));
  }
  std::ranges::sort(found, [](const chat::Conversation& a, const chat::Conversation& b) {
    return std::tie(b.last.at, a.with) < std::tie(a.last.at, b.with);
  });

  chat::PageBounds bounds(query.limit);
  chat::ConversationsPage page;
  page.more = !std::ranges::all_of(found, [&bounds](const chat::Conversation& conversation) {
    return bounds.take(conversation.last.at, conversation.last.payload.size());
  });
  found.resize(bounds.size());
  page.conversations = std::move(found);
  co_return page;
}

chat::Task<chat::Result<chat::SyncPage>> MessageStore::sync(const chat::SyncQuery& query) {
  const std::scoped_lock lock(mutex_);
  if (query.latest) co_return chat::SyncPage{.messages = {}, .cursor = cursor_of(log_.size())};
  const std::optional<std::size_t> start = position_of(query.cursor, log_.size());
  if (!start) co_return chat::fail(chat::ErrorCode::bad_frame, "the cursor is not one of this store");
  chat::PageBounds bounds(query.limit);
  chat::SyncPage page;
  std::size_t position = *start;
  for (std::size_t i = position; i < log_.size(); ++i) {
    if (!takes_part(query.user, log_[i].conversation)) continue;
    const chat::MessageView message = log_[i].message.view();
    if (!bounds.take(static_cast<std::int64_t>(i), message.payload.size())) {
      page.more = true;
      break;
    }
    page.messages.add(message);
    position = i + 1;
  }
  page.cursor = cursor_of(position);
  co_return page;
}

chat::Task<chat::Result<bool>> MessageStore::contains_all(std::span<const chat::MessageKey> keys) {
  assert(keys.size() <= chat::kContainsKeysMax);
  const std::scoped_lock lock(mutex_);
  co_return std::ranges::all_of(keys, [this](const chat::MessageKey& key) {
    return stored_.contains({chat::conversation_key(key.from, key.to), key.from, key.id});
  });
}

std::vector<chat::Message> MessageStore::messages() const {
  const std::scoped_lock lock(mutex_);
  std::vector<chat::Message> all;
  all.reserve(log_.size());
  for (const Stored& stored : log_) all.push_back(stored.message);
  return all;
}

chat::Conversation MessageStore::summary(const chat::Message& last, const ConversationKey& key,
                                         const User& user) const {
  const std::string with(chat::other_side(key, user));
  const Marks own = marks_of(key, user);
  const bool has_peer = with != user && !chat::is_group_address(with);
  const Marks peer = has_peer ? marks_of(key, with) : Marks{};
  const auto unread = std::ranges::count_if(log_, [&](const Stored& stored) {
    return stored.conversation == key && stored.message.from != user && stored.message.at > own.read_at;
  });
  return {.with = with,
          .last = last,
          .unread = static_cast<int>(std::min<std::ptrdiff_t>(unread, chat::kUnreadCountMax)),
          .read_at = own.read_at,
          .received_at = own.received_at,
          .peer_read_at = peer.read_at,
          .peer_received_at = peer.received_at};
}

MessageStore::Marks MessageStore::marks_of(const ConversationKey& key, const User& user) const {
  const auto found = marks_.find({key, user});
  return found == marks_.end() ? Marks{} : found->second;
}

bool MessageStore::takes_part(const User& user, const ConversationKey& key) const {
  return members_.contains({user, key});
}

}  // namespace simplechat::adapters::memory

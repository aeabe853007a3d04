#include "adapters/sqlite/reader.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <functional>
#include <limits>
#include <queue>
#include <system_error>
#include <tuple>
#include <utility>

#include "chat/ids.h"
#include "chat/page_bounds.h"

namespace simplechat::adapters::sqlite {
namespace {

constexpr chat::Timestamp kEndOfTime = std::numeric_limits<chat::Timestamp>::max();

// A message from the columns (sender, id, at, payload).
chat::MessageView message_at(const Rows& rows, std::string_view conversation_key) {
  const std::string_view sender = rows.bytes(0);
  return {.id = rows.bytes(1),
          .from = sender,
          .to = chat::other_side(conversation_key, sender),
          .payload = rows.bytes(3),
          .at = rows.integer(2)};
}

chat::Message copy_of(const chat::MessageView& view) {
  return {.id = std::string(view.id),
          .from = std::string(view.from),
          .to = std::string(view.to),
          .payload = std::string(view.payload),
          .at = view.at};
}

std::string cursor_prefix(Database& database) {
  Statement find(database, "SELECT value FROM meta WHERE name = 'store_id'");
  Rows rows = find.rows();
  if (!rows.next()) database.refuse("it has no store_id");
  return "s1." + std::string(rows.bytes(0)) + ".";
}

}  // namespace

Reader::Reader(Database& database, const RecentMessages& recent)
    : database_(database),
      recent_(recent),
      begin_(database, "BEGIN"),
      find_conversation_(database, "SELECT id FROM conversation WHERE key = ?1"),
      history_before_(database,
                      "SELECT at, seq FROM entry_at WHERE conversation = ?1 AND at < ?2 AND seq < ?3 "
                      "ORDER BY at DESC, seq DESC"),
      history_after_(database,
                     "SELECT at, seq FROM entry_at WHERE conversation = ?1 AND at > ?2 AND seq < ?3 "
                     "ORDER BY at, seq"),
      heads_(database,
             "SELECT conversation.id, conversation.key, "
             "(SELECT at FROM entry_at WHERE entry_at.conversation = member.conversation AND seq < ?2 "
             "ORDER BY at DESC LIMIT 1) "
             "FROM member JOIN conversation ON conversation.id = member.conversation WHERE member.user = ?1"),
      last_messages_(database, "SELECT seq FROM entry_at WHERE conversation = ?1 AND at = ?2 AND seq < ?3"),
      unread_(database,
              "SELECT count(*) FROM (SELECT 1 FROM entry_at "
              "WHERE conversation = ?1 AND at > ?2 AND sender <> ?3 AND seq < ?4 LIMIT ?5)"),
      marks_(database, "SELECT received_at, read_at FROM mark WHERE conversation = ?1 AND user = ?2"),
      sync_heads_(database,
                  "SELECT conversation.id, conversation.key, "
                  "(SELECT seq FROM entry_seq WHERE entry_seq.conversation = member.conversation AND seq > ?2 "
                  "AND seq < ?3 ORDER BY seq LIMIT 1) "
                  "FROM member JOIN conversation ON conversation.id = member.conversation WHERE member.user = ?1"),
      next_indexed_(database,
                    "SELECT seq FROM entry_seq WHERE conversation = ?1 AND seq > ?2 AND seq < ?3 "
                    "ORDER BY seq LIMIT 1"),
      message_(database, "SELECT sender, id, at, payload FROM message WHERE seq = ?1"),
      last_seq_(database, "SELECT max(seq) FROM message"),
      contains_(database,
                "SELECT seq FROM message INDEXED BY message_by_id WHERE id = ?1 AND sender = ?2 "
                "AND conversation = (SELECT id FROM conversation WHERE key = ?3)"),
      cursor_prefix_(cursor_prefix(database)) {}

// Runs `query` within one read transaction. What it returned counts only if no step of it failed.
template <class Query>
auto Reader::in_snapshot(Database::Deadline deadline, Query query) {
  database_.set_deadline(deadline);
  view_ = recent_.view();  // before the snapshot: what it says to be indexed is, there
  begin_.execute();
  decltype(query()) result = query();
  database_.end_read();
  view_ = {};
  if (database_.failed()) {
    result = chat::fail(chat::ErrorCode::unavailable, "reading the message store failed: " + database_.take_failure());
  }
  return result;
}

chat::Result<chat::HistoryPage> Reader::history(const chat::HistoryQuery& query, Database::Deadline deadline) {
  return in_snapshot(deadline, [&]() -> chat::Result<chat::HistoryPage> { return read_history(query); });
}

chat::HistoryPage Reader::read_history(const chat::HistoryQuery& query) {
  chat::HistoryPage page;
  const std::string key = chat::conversation_key(query.user, query.with);
  Rows found_conversation = find_conversation_.rows(key);
  if (!found_conversation.next()) return page;
  const std::int64_t conversation = found_conversation.integer(0);

  const std::vector<Place> recent = recent_places(conversation, query);
  Rows indexed = query.after ? history_after_.rows(conversation, *query.after, view_.first())
                             : history_before_.rows(conversation, query.before.value_or(kEndOfTime), view_.first());
  const bool forwards = query.after.has_value();
  chat::PageBounds bounds(query.limit);
  std::vector<chat::Message> found;
  bool more_indexed = indexed.next();
  for (auto next_recent = recent.begin(); more_indexed || next_recent != recent.end();) {
    const bool take_indexed =
        more_indexed && (next_recent == recent.end() ||
                         (forwards ? indexed.integer(0) <= next_recent->at : indexed.integer(0) >= next_recent->at));
    Rows rows = message_.rows(take_indexed ? indexed.integer(1) : next_recent->seq);
    if (!rows.next()) break;
    const chat::MessageView message = message_at(rows, key);
    if (!bounds.take(message.at, message.payload.size())) {
      page.more = true;
      break;
    }
    found.push_back(copy_of(message));
    if (take_indexed) {
      more_indexed = indexed.next();
    } else {
      ++next_recent;
    }
  }
  found.resize(bounds.size());
  std::ranges::sort(found, {},
                    [](const chat::Message& message) { return std::tie(message.at, message.from, message.id); });
  for (const chat::Message& message : found) page.messages.add(message.view());
  return page;
}

// In the order in which the page is read.
std::vector<Reader::Place> Reader::recent_places(std::int64_t conversation, const chat::HistoryQuery& query) const {
  std::vector<Place> places;
  for (const RecentMessage& message : view_.of(conversation)) {
    const bool asked_for = query.after ? message.at > *query.after : message.at < query.before.value_or(kEndOfTime);
    if (asked_for) places.push_back({.at = message.at, .seq = message.seq});
  }
  std::ranges::sort(places, {}, [&](const Place& place) { return query.after ? place.at : -place.at; });
  return places;
}

chat::Result<chat::ConversationsPage> Reader::conversations(const chat::ConversationsQuery& query,
                                                            Database::Deadline deadline) {
  return in_snapshot(deadline, [&]() -> chat::Result<chat::ConversationsPage> {
    const std::vector<Head> heads = read_heads(query.user, query.before.value_or(kEndOfTime));
    chat::ConversationsPage page;
    chat::PageBounds bounds(query.limit);
    for (const Head& head : heads) {
      chat::Conversation conversation = read_conversation(query.user, head);
      if (!bounds.take(head.last_at, conversation.last.payload.size())) {
        page.more = true;
        break;
      }
      page.conversations.push_back(std::move(conversation));
    }
    page.conversations.resize(bounds.size());
    return page;
  });
}

// The user's conversations whose last message is older than `before`, newest first.
std::vector<Reader::Head> Reader::read_heads(const std::string& user, chat::Timestamp before) {
  std::vector<Head> heads;
  Rows rows = heads_.rows(user, view_.first());
  while (rows.next()) {
    std::optional<chat::Timestamp> last_at;
    if (!rows.is_null(2)) last_at = rows.integer(2);
    for (const RecentMessage& message : view_.of(rows.integer(0))) {
      last_at = std::max(last_at.value_or(message.at), message.at);
    }
    if (!last_at || *last_at >= before) continue;  // without one: there are only marks so far
    heads.push_back({.conversation = rows.integer(0),
                     .with = std::string(chat::other_side(rows.bytes(1), user)),
                     .last_at = *last_at});
  }
  std::ranges::sort(
      heads, [](const Head& a, const Head& b) { return std::tie(b.last_at, a.with) < std::tie(a.last_at, b.with); });
  return heads;
}

chat::Conversation Reader::read_conversation(const std::string& user, const Head& head) {
  chat::Conversation conversation;
  conversation.with = head.with;
  const std::string key = chat::conversation_key(user, head.with);
  conversation.last = read_last(head, key);
  if (Rows rows = marks_.rows(head.conversation, user); rows.next()) {
    conversation.received_at = rows.integer(0);
    conversation.read_at = rows.integer(1);
  }
  if (head.with != user && !chat::is_group_address(head.with)) {
    if (Rows rows = marks_.rows(head.conversation, head.with); rows.next()) {
      conversation.peer_received_at = rows.integer(0);
      conversation.peer_read_at = rows.integer(1);
    }
  }
  conversation.unread = count_unread(head, user, conversation.read_at);
  return conversation;
}

// The message that comes last in the order of (at, from, id).
chat::Message Reader::read_last(const Head& head, const std::string& key) {
  std::vector<std::int64_t> candidates;
  {
    Rows rows = last_messages_.rows(head.conversation, head.last_at, view_.first());
    while (rows.next()) candidates.push_back(rows.integer(0));
  }
  for (const RecentMessage& message : view_.of(head.conversation)) {
    if (message.at == head.last_at) candidates.push_back(message.seq);
  }
  chat::Message last;
  for (const std::int64_t seq : candidates) {
    Rows rows = message_.rows(seq);
    if (!rows.next()) continue;
    const chat::MessageView message = message_at(rows, key);
    if (std::tie(last.from, last.id) <= std::tie(message.from, message.id)) last = copy_of(message);
  }
  return last;
}

int Reader::count_unread(const Head& head, const std::string& user, chat::Timestamp read_at) {
  constexpr std::int64_t kCountMax = chat::kUnreadCountMax;
  std::int64_t count = 0;
  if (Rows rows = unread_.rows(head.conversation, read_at, user, view_.first(), kCountMax); rows.next()) {
    count = rows.integer(0);
  }
  count += std::ranges::count_if(view_.of(head.conversation), [&](const RecentMessage& message) {
    return message.at > read_at && message.sender != user;
  });
  return static_cast<int>(std::min(count, kCountMax));
}

chat::Result<chat::SyncPage> Reader::sync(const chat::SyncQuery& query, Database::Deadline deadline) {
  return in_snapshot(deadline, [&]() -> chat::Result<chat::SyncPage> {
    if (query.latest) return chat::SyncPage{.messages = {}, .cursor = cursor_of(view_.until())};
    const std::optional<std::int64_t> after = seq_of(query.cursor);
    if (!after) return chat::fail(chat::ErrorCode::bad_frame, "the cursor is not one of this store");
    return read_sync(query.user, *after, chat::PageBounds(query.limit));
  });
}

// Merges the user's conversations by seq: one seek for each conversation and one for each message of the page, however
// many messages there are before and behind it.
chat::SyncPage Reader::read_sync(const std::string& user, std::int64_t after, chat::PageBounds bounds) {
  struct Source {
    std::int64_t next;
    std::int64_t conversation;
    std::string key;
    bool operator>(const Source& other) const { return next > other.next; }
  };
  std::priority_queue<Source, std::vector<Source>, std::greater<>> sources;
  {
    Rows rows = sync_heads_.rows(user, after, view_.first());
    while (rows.next()) {
      const std::int64_t conversation = rows.integer(0);
      const auto next = rows.is_null(2) ? view_.next(conversation, after) : rows.integer(2);
      if (next) sources.push({.next = *next, .conversation = conversation, .key = std::string(rows.bytes(1))});
    }
  }
  chat::SyncPage page;
  while (!sources.empty() && !database_.failed()) {
    Source source = sources.top();
    if (Rows rows = message_.rows(source.next); rows.next()) {
      const chat::MessageView message = message_at(rows, source.key);
      if (!bounds.take(source.next, message.payload.size())) break;
      page.messages.add(message);
    }
    sources.pop();
    after = source.next;
    if (const auto next = next_seq(source.conversation, source.next)) {
      source.next = *next;
      sources.push(std::move(source));
    }
  }
  page.more = !sources.empty();
  page.cursor = cursor_of(after);
  return page;
}

std::optional<std::int64_t> Reader::next_seq(std::int64_t conversation, std::int64_t after) {
  if (after + 1 < view_.first()) {
    if (Rows rows = next_indexed_.rows(conversation, after, view_.first()); rows.next()) return rows.integer(0);
  }
  return view_.next(conversation, after);
}

chat::Result<bool> Reader::contains_all(std::span<const chat::MessageKey> keys, Database::Deadline deadline) {
  assert(keys.size() <= chat::kContainsKeysMax);
  return in_snapshot(deadline, [&]() -> chat::Result<bool> {
    return std::ranges::all_of(keys, [this](const chat::MessageKey& key) {
      const std::string conversation = chat::conversation_key(key.from, key.to);
      Rows rows = contains_.rows(key.id, key.from, conversation);
      return rows.next() && rows.integer(0) <= view_.until();  // so that a sync from now on shows it
    });
  });
}

std::string Reader::cursor_of(std::int64_t seq) const { return cursor_prefix_ + std::to_string(seq); }

// Nothing if the cursor is not one that this database gave out. One that is ahead of it is of a copy that lived on: a
// client that kept it would miss what is written here next.
std::optional<std::int64_t> Reader::seq_of(std::string_view cursor) {
  if (cursor.empty()) return 0;
  if (!cursor.starts_with(cursor_prefix_)) return std::nullopt;
  cursor.remove_prefix(cursor_prefix_.size());
  std::int64_t seq = 0;
  const auto [stop, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), seq);
  if (error != std::errc{} || stop != cursor.data() + cursor.size() || seq < 0) return std::nullopt;
  Rows last = last_seq_.rows();
  if (last.next() && seq > last.integer(0)) return std::nullopt;
  return seq;
}

}  // namespace simplechat::adapters::sqlite

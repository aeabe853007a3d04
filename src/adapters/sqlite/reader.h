// The store's reading connection: each query sees one snapshot of the database, and the recent messages that belong to
// it. What lies before RecentView::first() it finds by the tables `entry_at` and `entry_seq`, what lies behind in the
// view. Owned by the store, used on its reader thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/recent_messages.h"
#include "chat/message_store.h"
#include "chat/page_bounds.h"

namespace simplechat::adapters::sqlite {

class Reader {
 public:
  // `database`: migrated.
  Reader(Database& database, const RecentMessages& recent);

  // The queries of chat::MessageReader. They fail with `unavailable`, sync also with `bad_frame`.
  chat::Result<chat::HistoryPage> history(const chat::HistoryQuery& query, Database::Deadline deadline);
  chat::Result<chat::ConversationsPage> conversations(const chat::ConversationsQuery& query,
                                                      Database::Deadline deadline);
  chat::Result<chat::SyncPage> sync(const chat::SyncQuery& query, Database::Deadline deadline);
  chat::Result<bool> contains_all(std::span<const chat::MessageKey> keys, Database::Deadline deadline);

 private:
  struct Head {
    std::int64_t conversation;
    std::string with;
    chat::Timestamp last_at;
  };

  template <class Query>
  auto in_snapshot(Database::Deadline deadline, Query query);

  // Where a message stands in its conversation.
  struct Place {
    chat::Timestamp at;
    std::int64_t seq;
  };

  chat::HistoryPage read_history(const chat::HistoryQuery& query);
  [[nodiscard]] std::vector<Place> recent_places(std::int64_t conversation, const chat::HistoryQuery& query) const;
  chat::Message read_last(const Head& head, const std::string& key);
  int count_unread(const Head& head, const std::string& user, chat::Timestamp read_at);
  std::optional<std::int64_t> next_seq(std::int64_t conversation, std::int64_t after);
  std::vector<Head> read_heads(const std::string& user, chat::Timestamp before);
  chat::Conversation read_conversation(const std::string& user, const Head& head);
  chat::SyncPage read_sync(const std::string& user, std::int64_t after, chat::PageBounds bounds);
  [[nodiscard]] std::string cursor_of(std::int64_t seq) const;
  std::optional<std::int64_t> seq_of(std::string_view cursor);

  Database& database_;
  const RecentMessages& recent_;
  RecentView view_;  // of the query that is being answered
  Statement begin_;
  Statement find_conversation_;
  Statement history_before_;
  Statement history_after_;
  Statement heads_;
  Statement last_messages_;
  Statement unread_;
  Statement marks_;
  Statement sync_heads_;
  Statement next_indexed_;
  Statement message_;
  Statement last_seq_;
  Statement contains_;
  std::string cursor_prefix_;  // of this database's cursors: "s1.<store id>."
};

}  // namespace simplechat::adapters::sqlite

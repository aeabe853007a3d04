// The store's reading connection: each query sees one snapshot of the database. Owned by the store, used on its reader
// thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/database.h"
#include "chat/message_store.h"
#include "chat/page_bounds.h"

namespace simplechat::adapters::sqlite {

class Reader {
 public:
  // `database`: migrated.
  explicit Reader(Database& database);

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

  chat::HistoryPage read_history(const chat::HistoryQuery& query);
  std::vector<Head> read_heads(const std::string& user, chat::Timestamp before);
  chat::Conversation read_conversation(const std::string& user, const Head& head);
  chat::SyncPage read_sync(const std::string& user, std::int64_t after, chat::PageBounds bounds);
  [[nodiscard]] std::string cursor_of(std::int64_t seq) const;
  std::optional<std::int64_t> seq_of(std::string_view cursor);

  Database& database_;
  Statement begin_;
  Statement find_conversation_;
  Statement history_before_;
  Statement history_after_;
  Statement heads_;
  Statement last_message_;
  Statement unread_;
  Statement marks_;
  Statement sync_heads_;
  Statement next_seq_;
  Statement message_;
  Statement last_seq_;
  Statement contains_;
  std::string cursor_prefix_;  // of this database's cursors: "s1.<store id>."
};

}  // namespace simplechat::adapters::sqlite

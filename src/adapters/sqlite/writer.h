// The store's one writing connection. Owned by the store, used on its writer thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/indexer.h"
#include "adapters/sqlite/recent_messages.h"
#include "chat/error.h"
#include "chat/records.h"

namespace simplechat::adapters::sqlite {

// Conversations, and members of groups, that the writer remembers to be stored, so that a message costs one INSERT and
// nothing else. When there are more, it forgets them all and learns them anew.
inline constexpr std::size_t kRemembered = 100'000;

class Writer {
 public:
  // `database`: migrated, read_write.
  Writer(Database& database, RecentMessages& recent);

  // chat::MessageStore::append. Fails with `unavailable`, and nothing of the batch is stored.
  chat::Result<void> append(const chat::RecordBatch& batch, Database::Deadline deadline);

 private:
  void store(const chat::MessageView& message);
  void raise(const chat::Mark& mark);
  std::int64_t conversation_of(std::string_view from, std::string_view to);
  std::int64_t add_conversation(const std::string& key, std::string_view from, std::string_view to);
  void join(std::int64_t conversation, std::string_view group, std::string_view user);
  void forget();

  Database& database_;
  RecentMessages& recent_;
  Indexer indexer_;
  Statement begin_;
  Statement commit_;
  Statement find_conversation_;
  Statement add_conversation_;
  Statement add_member_;
  Statement add_message_;
  Statement raise_received_;
  Statement raise_read_;

  std::unordered_map<std::string, std::int64_t> conversations_;  // key -> id
  std::unordered_set<std::string> group_members_;                // group and user, joined by a comma
};

}  // namespace simplechat::adapters::sqlite

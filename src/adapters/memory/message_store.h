// The message store in memory: for tests and for deterministic simulation. Keeps everything until it is destroyed.
//
// Simple rather than fast: every query walks all messages. Thread-safe; no call suspends. A cursor is the number of
// messages committed so far, so it must not be kept longer than the store.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "chat/message_store.h"

namespace simplechat::adapters::memory {

class MessageStore final : public chat::MessageStore {
 public:
  chat::Task<chat::Result<void>> append(const chat::RecordBatch& batch) override;
  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& query) override;
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& query) override;
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& query) override;
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override;

  // All messages in commit order. For a test's own checks.
  [[nodiscard]] std::vector<chat::Message> messages() const;

 private:
  struct Stored {
    std::string conversation;
    chat::Message message;
  };
  struct Marks {
    chat::Timestamp received_at = 0;
    chat::Timestamp read_at = 0;
  };
  using User = std::string;
  using ConversationKey = std::string;

  [[nodiscard]] chat::Conversation summary(const chat::Message& last, const ConversationKey& key,
                                           const User& user) const;
  [[nodiscard]] Marks marks_of(const ConversationKey& key, const User& user) const;
  [[nodiscard]] bool takes_part(const User& user, const ConversationKey& key) const;

  mutable std::mutex mutex_;
  // All guarded by mutex_.
  std::vector<Stored> log_;  // in commit order
  std::set<std::tuple<ConversationKey, User, std::string>>
      stored_;  // (conversation, from, id): what a repeat is told by
  std::set<std::pair<User, ConversationKey>> members_;
  std::map<std::pair<ConversationKey, User>, Marks> marks_;
};

}  // namespace simplechat::adapters::memory

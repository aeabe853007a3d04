// chat::MessageStore on PostgreSQL: one connection that writes, on a thread of its own; queries go to a PostgresReader
// that may serve several stores. sv-persist has one store for each consumer, and one reader.
//
// Thread-safe as PostgresReader is. Bound: kAppendsWaitingMax batches wait for the one that is being written; beyond,
// and when a batch's turn comes after its deadline: unavailable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/conversation_ids.h"
#include "adapters/postgres/reader.h"
#include "chat/message_store.h"
#include "runtime/dependency.h"
#include "runtime/worker.h"

namespace simplechat::adapters::postgres {

class PostgresStore final : public chat::MessageStore {
 public:
  static constexpr std::size_t kAppendsWaitingMax = 16;
  // Conversations whose members are known to be stored. Beyond: all are forgotten, and stored again as they come.
  static constexpr std::size_t kKnownConversationsMax = 100'000;

  // Looking whether a message is stored already costs a tenth of storing it, and repeats are rare: they follow a lost
  // connection, here or elsewhere. So after connecting, and after a batch that was refused because of one, so many
  // batches are stored with that look, and the others without.
  static constexpr int kRepeatsExpectedMax = 100;

  struct Options {
    std::string url;                             // postgres://user:password@host:port/database
    std::chrono::milliseconds deadline{10'000};  // of one append()
  };

  // Connects on the first call. `dependency` tells whether append() succeeds; both outlive the store.
  PostgresStore(Options options, PostgresReader& reader, runtime::Dependency& dependency);

  // An empty batch stores nothing, but tells whether the database can be reached and used.
  chat::Task<chat::Result<void>> append(const chat::RecordBatch& batch) override;

  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& query) override {
    return reader_.history(query);
  }
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& query) override {
    return reader_.conversations(query);
  }
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& query) override { return reader_.sync(query); }
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override {
    return reader_.contains_all(keys);
  }

 private:
  struct Memberships;

  // On the worker's thread.
  chat::Result<void> write(const chat::RecordBatch& batch, Connection::TimePoint expires_at);
  // Of the messages, whose conversations have these keys and numbers.
  Memberships unknown_memberships(const chat::MessageBatch& messages, std::span<const std::string> keys,
                                  std::span<const std::int64_t> conversations) const;
  void remember(Memberships memberships);

  const Options options_;
  PostgresReader& reader_;
  runtime::Dependency& dependency_;
  int repeats_expected_ = kRepeatsExpectedMax;  // the worker thread's; batches that may hold what is stored already
  ConversationIds conversation_ids_;            // the worker thread's
  std::unordered_set<std::string> known_;       // the worker thread's; what Memberships::keys holds
  Connection connection_;                       // the worker thread's
  runtime::Worker worker_;                      // last, so that it ends first
};

}  // namespace simplechat::adapters::postgres

// The store: PostgreSQL (and, for readers, sv-persist before it) as one thing, kept in adapters/memory, and one
// process's way to it.
#pragma once

#include <map>
#include <span>
#include <string>

#include "adapters/memory/message_store.h"
#include "chat/message_store.h"
#include "world.h"

namespace simplechat::sim {

// Outlives its ports.
class StoreService {
 public:
  explicit StoreService(World& world) : world_(world) {}

  // One transaction: it takes its time, commits as a whole or not at all, and another may overtake it.
  Task<Result<void>> append(chat::RecordBatch batch);
  Task<Result<chat::SyncPage>> sync(chat::SyncQuery query);
  [[nodiscard]] adapters::memory::MessageStore& log() { return log_; }
  [[nodiscard]] const adapters::memory::MessageStore& log() const { return log_; }

  // What a mutated store has put behind the id of a message that it keeps once more.
  static constexpr char kRepeatMark = '~';

 private:
  void store_repeats_too(chat::RecordBatch& batch);
  [[nodiscard]] chat::SyncPage sync_by_id(const chat::SyncQuery& query) const;

  World& world_;
  adapters::memory::MessageStore log_;
  std::map<std::string, std::uint64_t> drawn_ids_;  // mutation cursor_by_id; by from, to and id
  std::map<std::string, int> repeats_;              // mutation no_dedupe; by from, to and id
};

class StorePort final : public chat::MessageStore {
 public:
  static constexpr const char* kPart = "store";
  static constexpr milliseconds kAppendDeadline{3000};
  static constexpr milliseconds kReadDeadline{2000};

  StorePort(World& world, StoreService& service, const Process& process)
      : world_(world), service_(service), process_(process) {}

  Task<Result<void>> append(const chat::RecordBatch& batch) override;
  Task<Result<chat::HistoryPage>> history(const chat::HistoryQuery& query) override;
  Task<Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& query) override;
  Task<Result<chat::SyncPage>> sync(const chat::SyncQuery& query) override;
  Task<Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override;

 private:
  World& world_;
  StoreService& service_;
  const Process& process_;
};

}  // namespace simplechat::sim

// The message store in one SQLite file: for a server that is one process. WAL, synchronous=FULL: an append that has
// ended survives a power cut.
//
// Two threads: appends run on one, each a transaction of its own, in the order in which they were asked for; queries
// run on the other and never wait for an append. Callable from any reactor; resumes on the caller's. Destroy it when no
// call is running.
//
// A failure (full or broken disk, damaged file) is `unavailable`: nothing of the call was stored, the dependency is
// down with the reason until the next call of its kind succeeds. No call waits longer than kCallTime in line or in
// SQLite; only a disk that hangs can hold it longer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "adapters/sqlite/data_directory.h"
#include "adapters/sqlite/database.h"
#include "adapters/sqlite/reader.h"
#include "adapters/sqlite/recent_messages.h"
#include "adapters/sqlite/writer.h"
#include "chat/message_store.h"
#include "runtime/dependency.h"
#include "runtime/worker.h"

namespace simplechat::adapters::sqlite {

inline constexpr std::chrono::seconds kCallTime{10};

// Calls that wait for each thread. Beyond: unavailable.
inline constexpr std::size_t kWaitingCallsMax = 1024;

class SqliteStore final : public chat::MessageStore {
 public:
  // Opens the store in `data_dir`; makes it if it is missing, brings it up to date if it is of an older version. Throws
  // std::runtime_error, in one line that names the path, if that can't be done or another process uses the directory.
  // `generation_messages`: see RecentMessages; a test's to make small.
  SqliteStore(const std::filesystem::path& data_dir, runtime::Dependency& dependency,
              std::size_t generation_messages = RecentMessages::kGenerationMessages);

  chat::Task<chat::Result<void>> append(const chat::RecordBatch& batch) override;
  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& query) override;
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& query) override;
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& query) override;
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override;

 private:
  // What the last call on one thread ended with: the reason of its failure, or nothing.
  struct Outcomes {
    std::string write;
    std::string read;
  };

  template <class T>
  chat::Task<chat::Result<T>> run(runtime::Worker& thread, std::string Outcomes::* side,
                                  std::function<chat::Result<T>(Database::Deadline)> job);
  void report(std::string Outcomes::* side, std::string failure);

  runtime::Dependency& dependency_;
  std::mutex mutex_;
  Outcomes outcomes_;  // guarded by mutex_

  // In this order: the threads end first, and the writing connection is the last to close, which empties the WAL.
  DataDirectory directory_;
  Database write_database_;
  std::unique_ptr<RecentMessages> recent_;
  Writer writer_;
  Database read_database_;
  Reader reader_;
  runtime::Worker write_thread_{"sqlite-write", kWaitingCallsMax};
  runtime::Worker read_thread_{"sqlite-read", kWaitingCallsMax};
};

}  // namespace simplechat::adapters::sqlite

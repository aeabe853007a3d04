#include "adapters/sqlite/sqlite_store.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "adapters/sqlite/indexer.h"
#include "adapters/sqlite/schema.h"

namespace simplechat::adapters::sqlite {
namespace {

// The WAL is copied into the database when it has this many pages of 4 KiB. A larger one writes less, as pages that
// changed often are copied once, but the commit that copies it takes longer.
constexpr int kWalPages = 8192;

constexpr int kWriteCache_kib = 64 * 1024;
constexpr int kReadCache_kib = 16 * 1024;

Database& made_ready_to_write(Database& database) {
  database.execute(fmt::format("PRAGMA cache_size = -{}", kWriteCache_kib));
  {
    Statement journal_mode(database, "PRAGMA journal_mode = WAL");
    Rows rows = journal_mode.rows();
    const bool known = rows.next();
    if (database.failed()) database.refuse(database.take_failure());
    if (!known || rows.bytes(0) != "wal") database.refuse("its file system does not support a write-ahead log");
  }
  database.execute("PRAGMA synchronous = FULL");
  database.execute(fmt::format("PRAGMA wal_autocheckpoint = {}", kWalPages));
  migrate(database);
  return database;
}

Database& made_ready_to_read(Database& database) {
  database.execute(fmt::format("PRAGMA cache_size = -{}", kReadCache_kib));
  return database;
}

}  // namespace

SqliteStore::SqliteStore(const std::filesystem::path& data_dir, runtime::Dependency& dependency,
                         std::size_t generation_messages)
    : dependency_(dependency),
      directory_(data_dir),
      write_database_(directory_.database_file(), Database::Access::read_write),
      recent_(load_recent(made_ready_to_write(write_database_), generation_messages)),
      writer_(write_database_, *recent_),
      read_database_(directory_.database_file(), Database::Access::read_only),
      reader_(made_ready_to_read(read_database_), *recent_) {
  dependency_.up();
}

chat::Task<chat::Result<void>> SqliteStore::append(const chat::RecordBatch& batch) {
  return run<void>(write_thread_, &Outcomes::write,
                   [this, &batch](Database::Deadline deadline) { return writer_.append(batch, deadline); });
}

chat::Task<chat::Result<chat::HistoryPage>> SqliteStore::history(const chat::HistoryQuery& query) {
  return run<chat::HistoryPage>(read_thread_, &Outcomes::read, [this, &query](Database::Deadline deadline) {
    return reader_.history(query, deadline);
  });
}

chat::Task<chat::Result<chat::ConversationsPage>> SqliteStore::conversations(const chat::ConversationsQuery& query) {
  return run<chat::ConversationsPage>(read_thread_, &Outcomes::read, [this, &query](Database::Deadline deadline) {
    return reader_.conversations(query, deadline);
  });
}

chat::Task<chat::Result<chat::SyncPage>> SqliteStore::sync(const chat::SyncQuery& query) {
  return run<chat::SyncPage>(read_thread_, &Outcomes::read,
                             [this, &query](Database::Deadline deadline) { return reader_.sync(query, deadline); });
}

chat::Task<chat::Result<bool>> SqliteStore::contains_all(std::span<const chat::MessageKey> keys) {
  return run<bool>(read_thread_, &Outcomes::read,
                   [this, keys](Database::Deadline deadline) { return reader_.contains_all(keys, deadline); });
}

template <class T>
chat::Task<chat::Result<T>> SqliteStore::run(runtime::Worker& thread, std::string Outcomes::* side,
                                             std::function<chat::Result<T>(Database::Deadline)> job) {
  const Database::Deadline deadline = std::chrono::steady_clock::now() + kCallTime;
  auto work = [&job, deadline]() -> chat::Result<T> {
    if (std::chrono::steady_clock::now() > deadline) {
      return chat::fail(chat::ErrorCode::unavailable, "the message store is too slow: the call waited in vain");
    }
    return job(deadline);
  };
  auto outcome = co_await thread.run(std::move(work));
  if (!outcome) co_return chat::fail(chat::ErrorCode::unavailable, "the message store has too many calls waiting");
  chat::Result<T>& result = *outcome;
  const bool failed = !result && result.error().code == chat::ErrorCode::unavailable;
  report(side, failed ? result.error().message : std::string());
  co_return std::move(result);
}

void SqliteStore::report(std::string Outcomes::* side, std::string failure) {
  const std::scoped_lock lock(mutex_);
  if (outcomes_.*side == failure) return;
  outcomes_.*side = std::move(failure);
  const std::string& reason = outcomes_.write.empty() ? outcomes_.read : outcomes_.write;
  if (reason.empty()) {
    dependency_.up();
  } else {
    dependency_.down(reason);
  }
}

}  // namespace simplechat::adapters::sqlite

#include "adapters/sqlite/database.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace simplechat::adapters::sqlite {
namespace {

// Virtual machine instructions between two looks at the deadline: some tens of microseconds.
constexpr int kDeadlineCheckInstructions = 4000;

// No other process uses the file (the data directory is locked), but one that dies may hold its lock for a moment.
constexpr int kBusyTimeout_ms = 1000;

}  // namespace

Database::Database(const std::filesystem::path& file, Access access) : file_(file) {
  const int mode = access == Access::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  sqlite3* handle = nullptr;
  const int result =
      sqlite3_open_v2(file.c_str(), &handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (result != SQLITE_OK) refuse(message());
  sqlite3_busy_timeout(handle, kBusyTimeout_ms);
  sqlite3_progress_handler(
      handle, kDeadlineCheckInstructions,
      [](void* self) -> int { return std::chrono::steady_clock::now() > static_cast<Database*>(self)->deadline_; },
      this);
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) refuse(message());
}

std::string Database::take_failure() {
  roll_back();
  return std::exchange(failure_, {});
}

void Database::end_read() { roll_back(); }

void Database::roll_back() {
  if (sqlite3_get_autocommit(handle_.get()) != 0) return;  // SQLite itself has ended it
  deadline_ = Deadline::max();
  if (sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr) != SQLITE_OK) keep_failure();
}

void Database::refuse(std::string_view why) const {
  throw std::runtime_error(fmt::format("can't use the database {}: {}", file_.string(), why));
}

void Database::keep_failure() {
  if (failed()) return;
  failure_ = sqlite3_extended_errcode(handle_.get()) == SQLITE_INTERRUPT ? "the deadline has passed" : message();
}

Rows::~Rows() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  if (database_.failed()) return false;
  const int result = sqlite3_step(statement_);
  if (result != SQLITE_ROW && result != SQLITE_DONE) database_.keep_failure();
  return result == SQLITE_ROW;
}

std::string_view Rows::bytes(int column) const {
  // The order matters: asking for the pointer first fixes the representation that the size is of.
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(database.handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  if (result != SQLITE_OK) database.refuse(database.message());
}

void Statement::bind(int index, std::int64_t value) { check(sqlite3_bind_int64(statement_.get(), index, value)); }

void Statement::bind(int index, std::string_view text) {
  check(sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int index, Blob blob) {
  check(sqlite3_bind_blob64(statement_.get(), index, blob.bytes.data(), blob.bytes.size(), SQLITE_STATIC));
}

void Statement::check(int result) {
  if (result != SQLITE_OK) database_.keep_failure();
}

}  // namespace simplechat::adapters::sqlite

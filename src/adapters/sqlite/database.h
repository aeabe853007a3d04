// One SQLite connection and its prepared statements.
//
// Failures at open throw and end start-up. Later ones are kept: the first failing step makes the connection failed(),
// every step after it does nothing, and whoever ends the transaction asks once, with take_failure(). So queries read
// straight through.
//
// Owner: one thread at a time. Statements and Rows must not outlive the connection.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace simplechat::adapters::sqlite {

// Bytes that are bound as a BLOB. A plain string_view is bound as TEXT.
struct Blob {
  std::string_view bytes;
};

class Database {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  enum class Access : std::uint8_t { read_write, read_only };

  // Opens `file`; with read_write it is made if it is missing. Throws std::runtime_error, in one line that names the
  // file.
  Database(const std::filesystem::path& file, Access access);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs SQL that takes no parameters while the program starts. Throws std::runtime_error.
  void execute(const std::string& sql);

  // Throws std::runtime_error, in one line that names the file.
  [[noreturn]] void refuse(std::string_view why) const;

  // Steps that are running when `deadline` passes fail.
  void set_deadline(Deadline deadline) { deadline_ = deadline; }

  [[nodiscard]] bool failed() const { return !failure_.empty(); }
  // Ends the open transaction, if there is one, without effect, and forgets the failure. Returns what failed, in one
  // sentence.
  std::string take_failure();
  // Ends a transaction that only read.
  void end_read();

  // Rows that the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  [[nodiscard]] std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_.get()); }

 private:
  friend class Statement;
  friend class Rows;

  [[nodiscard]] const char* message() const { return sqlite3_errmsg(handle_.get()); }
  void keep_failure();
  void roll_back();

  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };
  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Close> handle_;
  Deadline deadline_ = Deadline::max();
  std::string failure_;
};

// The rows of one execution. The destructor ends it; views of a row are valid until the next next().
class Rows {
 public:
  Rows(Database& database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // False at the end, and once the connection has failed.
  [[nodiscard]] bool next();
  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  // The bytes of a TEXT or BLOB column.
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  // Throws std::runtime_error if the database does not fit the SQL.
  Statement(Database& database, std::string_view sql);

  // Binds ?1, ?2, ... to `values`, which must live as long as the returned rows.
  template <class... Values>
  [[nodiscard]] Rows rows(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return {database_, statement_.get()};
  }
  template <class... Values>
  void execute(const Values&... values) {
    Rows executed = rows(values...);
    while (executed.next()) {
    }
  }

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  void check(int result);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace simplechat::adapters::sqlite

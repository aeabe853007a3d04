// For tests and benchmarks: a database of their own on the server that SIMPLECHAT_TEST_DB_URL names, dropped at the
// end.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "adapters/contract/store_fixture.h"
#include "adapters/postgres/connection.h"
#include "adapters/postgres/reader.h"
#include "adapters/postgres/store.h"
#include "runtime/dependency.h"

namespace simplechat::adapters::postgres {

[[nodiscard]] Connection::TimePoint soon();  // a deadline that only a hanging test reaches

// The server's URL with `database` in its path. Throws, which fails the test, if SIMPLECHAT_TEST_DB_URL is not set.
[[nodiscard]] std::string test_server_url(const std::string& database = "postgres");

// A name for a database, which need not exist. The destructor drops it if it does.
class TestDatabase {
 public:
  TestDatabase();
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string url() const { return test_server_url(name_); }

 private:
  const std::string name_;
};

class PostgresHarness final : public contract::StoreHarness {
 public:
  explicit PostgresHarness(std::chrono::milliseconds deadline = std::chrono::seconds(10));

  chat::MessageStore& store() override { return *store_; }
  [[nodiscard]] std::string url() const { return database_.url(); }
  [[nodiscard]] PostgresReader& reads() { return reader_; }
  [[nodiscard]] const runtime::Dependency& reading() const { return reading_; }
  [[nodiscard]] const runtime::Dependency& writing() const { return writing_; }
  // A further store on the same database.
  [[nodiscard]] std::unique_ptr<PostgresStore> make_store();

 private:
  TestDatabase database_;
  std::chrono::milliseconds deadline_;
  runtime::Dependency reading_{"postgres"};
  runtime::Dependency writing_{"postgres-writer"};
  PostgresReader reader_;
  std::unique_ptr<PostgresStore> store_;
};

// A connection that the test drives statement by statement; throws on errors.
class Session {
 public:
  explicit Session(const std::string& url);
  void operator()(const std::string& sql);
  [[nodiscard]] Rows query(const std::string& sql);
  [[nodiscard]] std::int64_t number(const std::string& sql) { return query(sql).bigint(0, 0); }

 private:
  Connection connection_;
  std::deque<std::string> names_;  // of the statements, which a connection keeps
};

}  // namespace simplechat::adapters::postgres

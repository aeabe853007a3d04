#include "adapters/postgres/test_database.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <stdexcept>

#include "adapters/postgres/migrations.h"

namespace simplechat::adapters::postgres {
namespace {

std::string unique_name() {
  static std::atomic<int> next{0};
  return fmt::format("simplechat_test_{}_{:x}_{}", ::getpid(), std::random_device{}(), next++);
}

template <class T>
T must(chat::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string migrated(std::string url) {
  static_cast<void>(must(migrate(url, soon())));
  return url;
}

}  // namespace

Connection::TimePoint soon() { return std::chrono::steady_clock::now() + std::chrono::minutes(1); }

std::string test_server_url(const std::string& database) {
  const char* const url = std::getenv("SIMPLECHAT_TEST_DB_URL");
  if (url == nullptr || *url == '\0') {
    throw std::runtime_error("set SIMPLECHAT_TEST_DB_URL to postgres://user:password@host:port/postgres");
  }
  const std::string text(url);
  const std::size_t host = text.find("://") == std::string::npos ? 0 : text.find("://") + 3;
  return text.substr(0, text.find('/', host)) + "/" + database;
}

TestDatabase::TestDatabase() : name_(unique_name()) {}

TestDatabase::~TestDatabase() {
  Connection connection({.url = test_server_url()});
  const auto dropped = connection.execute("DROP DATABASE IF EXISTS \"" + name_ + "\"", soon());
  EXPECT_TRUE(dropped.has_value()) << dropped.error().message;
}

PostgresHarness::PostgresHarness(std::chrono::milliseconds deadline)
    : deadline_(deadline),
      reader_({.url = migrated(database_.url()), .deadline = deadline}, reading_),
      store_(make_store()) {}

std::unique_ptr<PostgresStore> PostgresHarness::make_store() {
  return std::make_unique<PostgresStore>(PostgresStore::Options{.url = database_.url(), .deadline = deadline_}, reader_,
                                         writing_);
}

Session::Session(const std::string& url) : connection_({.url = url}) {}

void Session::operator()(const std::string& sql) { must(connection_.execute(sql, soon())); }

Rows Session::query(const std::string& sql) {
  const std::string& name = names_.emplace_back(fmt::format("test_{}", names_.size()));
  return must(connection_.query({name.c_str(), sql.c_str()}, {}, soon()));
}

}  // namespace simplechat::adapters::postgres

#include "adapters/postgres/migrations.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace simplechat::adapters::postgres {
namespace {

using chat::ErrorCode;
using TimePoint = Connection::TimePoint;

constexpr std::string_view kAdvice = "run `sv-persist migrate`";
constexpr const char* kMaintenanceDatabase = "postgres";  // there on every server

// One migrator at a time. The number has no meaning but to be the same in all of them.
constexpr const char* kLock = "SELECT pg_advisory_lock(7310579611863282549)";

constexpr const char* kCreateHistory =
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    "  version    int PRIMARY KEY,"
    "  name       text NOT NULL,"
    "  applied_at timestamptz NOT NULL DEFAULT now())";

constexpr Statement kHasHistory{"has_history", "SELECT to_regclass('schema_migration') IS NOT NULL"};
constexpr Statement kVersion{"version", "SELECT coalesce(max(version), 0)::bigint FROM schema_migration"};
constexpr Statement kStore{"store",
                           "SELECT store_id, store.system_identifier = server.system_identifier "
                           "FROM store, pg_control_system() AS server"};
constexpr Statement kDatabaseExists{"database_exists",
                                    "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1::text)"};

// Transaction ids of the server that the data came from mean nothing here. The rows keep their order among themselves,
// below every transaction of this server (3 is its first), and cursors drawn there are refused.
constexpr const char* kAdopt =
    "BEGIN; "
    "UPDATE message SET commit_xid = '3', ordinal = sorted.place FROM ("
    "  SELECT conversation, sender, id, row_number() OVER (ORDER BY commit_xid, ordinal) AS place FROM message) AS "
    "sorted"
    "  WHERE (message.conversation, message.sender, message.id) = (sorted.conversation, sorted.sender, sorted.id); "
    "UPDATE store SET store_id = replace(gen_random_uuid()::text, '-', ''),"
    "  system_identifier = (SELECT system_identifier FROM pg_control_system()); "
    "COMMIT";

int version_wanted() { return static_cast<int>(migrations().size()); }

chat::Result<int> version_of(Connection& connection, TimePoint expires_at) {
  const auto has_history = connection.query(kHasHistory, {}, expires_at);
  if (!has_history) return std::unexpected(has_history.error());
  if (!has_history->boolean(0, 0)) return 0;
  const auto version = connection.query(kVersion, {}, expires_at);
  if (!version) return std::unexpected(version.error());
  return static_cast<int>(version->bigint(0, 0));
}

Connection::Options unhurried(const std::string& db_url, std::string database = {}) {
  return {.url = db_url, .database = std::move(database), .statement_timeout = std::chrono::milliseconds::zero()};
}

// The name of the database that the URL leads to, by libpq's rules (the user's name if it names none).
std::string database_of(const std::string& db_url) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(db_url.c_str(), nullptr),
                                                                               PQconninfoFree);
  std::string user;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr || *option->val == '\0') continue;
    if (std::string_view(option->keyword) == "dbname") return option->val;
    if (std::string_view(option->keyword) == "user") user = option->val;
  }
  return user;
}

// Returns whether it was this call that created it.
chat::Result<bool> create_database(const std::string& db_url, TimePoint expires_at) {
  const std::string name = database_of(db_url);
  Connection maintenance(unhurried(db_url, kMaintenanceDatabase));
  const auto exists = maintenance.query(kDatabaseExists, Parameters().text(name), expires_at);
  if (!exists) return std::unexpected(exists.error());
  if (exists->boolean(0, 0)) return false;
  const auto created =
      maintenance.execute(fmt::format("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'",
                                      maintenance.quote_identifier(name)),
                          expires_at);
  if (created) return true;
  // Another migrator may have been faster.
  const auto exists_now = maintenance.query(kDatabaseExists, Parameters().text(name), expires_at);
  if (exists_now && exists_now->boolean(0, 0)) return false;
  return std::unexpected(created.error());
}

chat::Result<void> apply(Connection& connection, int version, TimePoint expires_at) {
  const Migration& migration = migrations()[static_cast<std::size_t>(version) - 1];
  const std::string transaction =
      fmt::format("BEGIN; {}; INSERT INTO schema_migration (version, name) VALUES ({}, '{}'); COMMIT", migration.sql,
                  version, migration.name);
  const auto applied = connection.execute(transaction, expires_at);
  if (applied) return {};
  return chat::fail(applied.error().code, fmt::format("{}: {}", migration.name, applied.error().message));
}

chat::Result<bool> adopt_restored_store(Connection& connection, TimePoint expires_at) {
  const auto store = connection.query(kStore, {}, expires_at);
  if (!store) return std::unexpected(store.error());
  if (store->boolean(0, 1)) return false;
  if (const auto adopted = connection.execute(kAdopt, expires_at); !adopted) return std::unexpected(adopted.error());
  return true;
}

chat::Result<MigrationReport> migrate_schema(Connection& connection, TimePoint expires_at) {
  for (const char* const sql : {kLock, kCreateHistory}) {
    if (const auto done = connection.execute(sql, expires_at); !done) return std::unexpected(done.error());
  }
  const auto before = version_of(connection, expires_at);
  if (!before) return std::unexpected(before.error());
  MigrationReport report{.version_before = *before, .version = *before};
  while (report.version < version_wanted()) {
    const auto applied = apply(connection, report.version + 1, expires_at);
    if (!applied) return std::unexpected(applied.error());
    ++report.version;
  }
  const auto adopted = adopt_restored_store(connection, expires_at);
  if (!adopted) return std::unexpected(adopted.error());
  report.store_adopted = *adopted;
  return report;
}

}  // namespace

chat::Result<MigrationReport> migrate(const std::string& db_url, TimePoint expires_at) {
  bool created = false;
  {
    Connection probe(unhurried(db_url));
    if (const auto reached = probe.open(expires_at); !reached) {
      const auto result = create_database(db_url, expires_at);
      // Either it is there, and why it could not be reached counts, or the server itself is out of reach.
      if (!result) return std::unexpected(result.error());
      created = *result;
    }
  }
  Connection connection(unhurried(db_url));
  auto report = migrate_schema(connection, expires_at);
  if (report) report->database_created = created;
  return report;
}

chat::Result<Store> find_store(Connection& connection, TimePoint expires_at) {
  const auto version = version_of(connection, expires_at);
  if (!version) return std::unexpected(version.error());
  if (*version < version_wanted()) {
    return chat::fail(ErrorCode::unavailable,
                      *version == 0 ? fmt::format("the database {} has no schema: {}", connection.database(), kAdvice)
                                    : fmt::format("the database {} has schema {}, this program needs {}: {}",
                                                  connection.database(), *version, version_wanted(), kAdvice));
  }
  const auto store = connection.query(kStore, {}, expires_at);
  if (!store) return std::unexpected(store.error());
  if (!store->boolean(0, 1)) {
    return chat::fail(ErrorCode::unavailable, fmt::format("the database {} was restored from another server: {}",
                                                          connection.database(), kAdvice));
  }
  return Store{std::string(store->text(0, 0))};
}

}  // namespace simplechat::adapters::postgres

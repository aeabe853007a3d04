// The database's schema, as numbered SQL files that the program carries (migrations/NNNN_name.sql). Each runs once, in
// one transaction with its line in the table schema_migration. A migration must leave the schema usable by the program
// version before it, because processes are updated one after the other.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "adapters/postgres/connection.h"
#include "chat/error.h"

namespace simplechat::adapters::postgres {

struct Migration {
  std::string_view name;  // 0001_messages
  const char* sql;
};

// All migrations, in order. The schema's version is their number.
[[nodiscard]] std::span<const Migration> migrations();

struct MigrationReport {
  bool database_created = false;
  int version_before = 0;      // 0: there was no schema
  int version = 0;             // greater than this program's when a newer one was here already
  bool store_adopted = false;  // the data came from another server; clients sync from the start
};

// Creates the database that `db_url` names if it is missing, and brings its schema up to this program's version. Any
// number of migrators may run at once: one works, the others wait for it. Blocks, until `expires_at` at most: for the
// command line. Errors: as Connection, the message being meant for the person at the terminal.
[[nodiscard]] chat::Result<MigrationReport> migrate(const std::string& db_url, Connection::TimePoint expires_at);

struct Store {
  std::string id;  // random; differs for each store and after a restore into another server
};

// The store that the connection leads to. Error: unavailable, saying what to do, if its schema is missing or older than
// this program's, or was restored and not adopted yet.
[[nodiscard]] chat::Result<Store> find_store(Connection& connection, Connection::TimePoint expires_at);

}  // namespace simplechat::adapters::postgres

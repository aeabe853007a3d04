#include "adapters/sqlite/schema.h"

#include <fmt/format.h>

#include <array>

namespace simplechat::adapters::sqlite {
namespace {

// "SCht": tells our files from those of other programs.
constexpr std::int64_t kApplicationId = 0x53436874;

// Step n leads from version n to n + 1. A step that was released never changes.
constexpr std::array kSteps = {
    R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- Part of every cursor, so that one of another database is refused.
INSERT INTO meta VALUES ('store_id', lower(hex(randomblob(8))));

-- A small number stands for the conversation's key (up to 129 bytes) in every index.
CREATE TABLE conversation (
  id  INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE
);

-- Which conversations a user's lists and sync hold: both sides of a conversation of two, everyone who sent to a group.
CREATE TABLE member (
  user         TEXT NOT NULL,
  conversation INTEGER NOT NULL,
  PRIMARY KEY (user, conversation)
) WITHOUT ROWID;

-- There is one writer, so seq is the commit order: the sync cursor. AUTOINCREMENT: a seq is never used again.
CREATE TABLE message (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation INTEGER NOT NULL,
  sender       TEXT NOT NULL,
  id           TEXT NOT NULL,
  at           INTEGER NOT NULL,
  payload      BLOB NOT NULL
);
-- Every index of messages is one more random page to write for each message, unless its order is the order of arrival.
-- So the one that tells repeats starts with the id: UUIDv7 ids arrive in order.
CREATE UNIQUE INDEX message_by_id ON message (id, conversation, sender);
-- History. With the sender, so that unread messages are counted without reading them.
CREATE INDEX message_by_at ON message (conversation, at, sender);
-- Sync. Every index ends in the table's key, so this is (conversation, seq).
CREATE INDEX message_by_commit ON message (conversation);

CREATE TABLE mark (
  conversation INTEGER NOT NULL,
  user         TEXT NOT NULL,
  received_at  INTEGER NOT NULL,
  read_at      INTEGER NOT NULL,
  PRIMARY KEY (conversation, user)
) WITHOUT ROWID;
)sql",
    R"sql(
-- The indexes by conversation are tables of their own, which are written later than the messages: see
-- recent_messages.h.
DROP INDEX message_by_at;
DROP INDEX message_by_commit;

-- History. With the sender, so that unread messages are counted without reading them.
CREATE TABLE entry_at (
  conversation INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  sender       TEXT NOT NULL,
  PRIMARY KEY (conversation, at, seq)
) WITHOUT ROWID;
-- Sync.
CREATE TABLE entry_seq (
  conversation INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;
INSERT INTO entry_at SELECT conversation, at, seq, sender FROM message ORDER BY conversation, at, seq;
INSERT INTO entry_seq SELECT conversation, seq FROM message ORDER BY conversation, seq;
-- Messages from this seq on are in neither, or not for sure.
CREATE TABLE unindexed (from_seq INTEGER NOT NULL);
INSERT INTO unindexed SELECT coalesce(max(seq), 0) + 1 FROM message;
)sql",
};

std::int64_t number_of(Database& database, std::string_view sql) {
  Statement statement(database, sql);
  Rows rows = statement.rows();
  return rows.next() ? rows.integer(0) : 0;
}

}  // namespace

void migrate(Database& database) {
  const std::int64_t tables = number_of(database, "SELECT count(*) FROM sqlite_schema");
  const std::int64_t application = number_of(database, "PRAGMA application_id");
  const std::int64_t version = number_of(database, "PRAGMA user_version");
  if (database.failed()) database.refuse(database.take_failure());
  if (tables > 0 && application != kApplicationId) database.refuse("it is not a SimpleChat database");
  if (version > static_cast<std::int64_t>(kSteps.size())) {
    database.refuse(fmt::format("its version is {}, this program knows versions up to {}", version, kSteps.size()));
  }
  for (auto step = static_cast<std::size_t>(version); step < kSteps.size(); ++step) {
    database.execute(fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
                                 kSteps.at(step), kApplicationId, step + 1));
  }
}

}  // namespace simplechat::adapters::sqlite

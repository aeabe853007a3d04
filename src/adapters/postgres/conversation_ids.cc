#include "adapters/postgres/conversation_ids.h"

#include <algorithm>

namespace simplechat::adapters::postgres {
namespace {

// $1 keys, each once, in their order, so that concurrent writers never wait for one another in a circle. One that
// another transaction has added but this statement's snapshot does not show is not among the rows.
//
// Its commit is not flushed: the log is written in order, so whatever names one of these numbers later and is flushed
// takes this with it.
constexpr Statement kFindOrAdd{"find_or_add_conversations", R"sql(
WITH not_flushed AS MATERIALIZED (
  SELECT set_config('synchronous_commit', 'off', true)),
asked AS (
  SELECT unnest($1::text[]) AS key FROM not_flushed),
found AS MATERIALIZED (
  SELECT conversation.id, key FROM asked JOIN conversation USING (key)),
added AS (
  INSERT INTO conversation (key) SELECT key FROM asked WHERE NOT EXISTS (SELECT FROM found WHERE found.key = asked.key)
  ON CONFLICT (key) DO NOTHING RETURNING id, key)
SELECT id, key FROM found UNION ALL SELECT id, key FROM added
)sql"};

constexpr int kId = 0;
constexpr int kKey = 1;

}  // namespace

chat::Result<std::vector<std::int64_t>> ConversationIds::find_or_add(Connection& connection,
                                                                     std::span<const std::string> keys,
                                                                     Connection::TimePoint expires_at) {
  std::vector<std::string_view> asked = unknown(keys);
  if (!asked.empty() && known_.size() + asked.size() > kKnownMax) {
    known_.clear();
    asked = unknown(keys);
  }
  while (!asked.empty()) {
    if (const auto learnt = learn(connection, asked, expires_at); !learnt) return std::unexpected(learnt.error());
    asked = unknown(keys);  // those that another writer has added meanwhile
  }
  std::vector<std::int64_t> ids;
  ids.reserve(keys.size());
  for (const std::string& key : keys) ids.push_back(known_.at(key));
  return ids;
}

std::vector<std::string_view> ConversationIds::unknown(std::span<const std::string> keys) const {
  std::vector<std::string_view> unknown;
  for (const std::string& key : keys) {
    if (!known_.contains(key)) unknown.emplace_back(key);
  }
  std::ranges::sort(unknown);
  const auto repeated = std::ranges::unique(unknown);
  unknown.erase(repeated.begin(), repeated.end());
  return unknown;
}

chat::Result<void> ConversationIds::learn(Connection& connection, std::span<const std::string_view> keys,
                                          Connection::TimePoint expires_at) {
  Array asked(Array::Of::text);
  for (const std::string_view key : keys) asked.add(key);
  const auto rows = connection.query(kFindOrAdd, Parameters().array(std::move(asked)), expires_at);
  if (!rows) return std::unexpected(rows.error());
  for (int row = 0; row < rows->size(); ++row) {
    known_.insert_or_assign(std::string(rows->text(row, kKey)), rows->bigint(row, kId));
  }
  return {};
}

}  // namespace simplechat::adapters::postgres

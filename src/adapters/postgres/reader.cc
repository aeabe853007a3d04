#include "adapters/postgres/reader.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/cursor.h"
#include "adapters/postgres/migrations.h"
#include "adapters/postgres/queries.h"
#include "chat/ids.h"
#include "runtime/worker.h"

namespace simplechat::adapters::postgres {
namespace {

using chat::ErrorCode;
using TimePoint = Connection::TimePoint;

constexpr auto kBytesMax = static_cast<std::int64_t>(chat::kPageBytesMax);

// Every query is a handful of index probes. A plan that reads or sorts a whole table is never right, but statistics
// that are missing or stale suggest one.
constexpr const char* kIndexesOnly =
    "SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; "
    "SET enable_mergejoin = off";

chat::MessageView message_at(const Rows& rows, int row, std::string_view conversation) {
  const std::string_view sender = rows.text(row, columns::kSender);
  return {.id = rows.text(row, columns::kId),
          .from = sender,
          .to = chat::other_side(conversation, sender),
          .payload = rows.text(row, columns::kPayload),
          .at = rows.bigint(row, columns::kAt)};
}

}  // namespace

// A connection and its thread.
class PostgresReader::Lane {
 public:
  explicit Lane(const Options& options)
      : connection_({.url = options.url, .setup_sql = kIndexesOnly, .statement_timeout = options.deadline},
                    [this](Connection&, TimePoint expires_at) { return check(expires_at); }),
        worker_("pg-reader", kWaitingMax) {}

  std::atomic<int>& waiting() { return waiting_; }
  runtime::Worker& worker() { return worker_; }

  // All on the worker's thread.
  chat::Result<chat::HistoryPage> history(const chat::HistoryQuery& query, TimePoint expires_at);
  chat::Result<chat::ConversationsPage> conversations(const chat::ConversationsQuery& query, TimePoint expires_at);
  chat::Result<chat::SyncPage> sync(const chat::SyncQuery& query, TimePoint expires_at);
  chat::Result<chat::SyncPage> latest(const std::string& user, TimePoint expires_at);
  chat::Result<bool> contains_all(std::span<const chat::MessageKey> keys, TimePoint expires_at);
  chat::Result<void> check(TimePoint expires_at);

 private:
  std::atomic<int> waiting_{0};  // calls that are under way here
  Store store_;                  // the worker thread's
  Connection connection_;        // the worker thread's
  runtime::Worker worker_;       // last, so that it ends first
};

chat::Result<chat::HistoryPage> PostgresReader::Lane::history(const chat::HistoryQuery& query, TimePoint expires_at) {
  const std::string conversation = chat::conversation_key(query.user, query.with);
  const Statement& statement = query.after ? kHistoryAfter : kHistoryBefore;
  const chat::Timestamp bound =
      query.after ? *query.after : query.before.value_or(std::numeric_limits<chat::Timestamp>::max());
  const auto rows = connection_.query(
      statement, Parameters().text(conversation).bigint(bound).bigint(query.limit).bigint(kBytesMax), expires_at);
  if (!rows) return std::unexpected(rows.error());
  chat::HistoryPage page;
  for (int row = 0; row < rows->size(); ++row) page.messages.add(message_at(*rows, row, conversation));
  page.more = rows->size() > 0 && rows->boolean(0, columns::kHistoryMore);
  return page;
}

chat::Result<chat::ConversationsPage> PostgresReader::Lane::conversations(const chat::ConversationsQuery& query,
                                                                          TimePoint expires_at) {
  const chat::Timestamp before = query.before.value_or(std::numeric_limits<chat::Timestamp>::max());
  Parameters parameters;
  parameters.text(query.user).bigint(before).bigint(query.limit).bigint(chat::kUnreadCountMax).bigint(kBytesMax);
  const auto rows = connection_.query(kConversations, parameters, expires_at);
  if (!rows) return std::unexpected(rows.error());
  chat::ConversationsPage page;
  for (int row = 0; row < rows->size(); ++row) {
    const std::string_view key = rows->text(row, columns::kConversation);
    const chat::MessageView last = message_at(*rows, row, key);
    page.conversations.push_back({.with = std::string(chat::other_side(key, query.user)),
                                  .last = {.id = std::string(last.id),
                                           .from = std::string(last.from),
                                           .to = std::string(last.to),
                                           .payload = std::string(last.payload),
                                           .at = last.at},
                                  .unread = static_cast<int>(rows->bigint(row, columns::kUnread)),
                                  .read_at = rows->bigint(row, columns::kReadAt),
                                  .received_at = rows->bigint(row, columns::kReceivedAt),
                                  .peer_read_at = rows->bigint(row, columns::kPeerReadAt),
                                  .peer_received_at = rows->bigint(row, columns::kPeerReceivedAt)});
  }
  page.more = rows->size() > 0 && rows->boolean(0, columns::kConversationsMore);
  return page;
}

chat::Result<chat::SyncPage> PostgresReader::Lane::sync(const chat::SyncQuery& query, TimePoint expires_at) {
  if (const auto ready = connection_.open(expires_at); !ready) return std::unexpected(ready.error());
  if (query.latest) return latest(query.user, expires_at);
  std::optional<Position> position = query.cursor.empty() ? Position{} : parse_cursor(query.cursor, store_.id);
  if (!position) return chat::fail(ErrorCode::bad_frame, "this cursor is not of this store: sync without one");
  // One more than asked for tells whether there are more.
  Parameters parameters;
  parameters.text(query.user).bigint(position->commit_xid).bigint(position->ordinal);
  parameters.bigint(query.limit + 1).bigint(kBytesMax);
  const auto rows = connection_.query(kSync, parameters, expires_at);
  if (!rows) return std::unexpected(rows.error());
  if (!rows->boolean(0, columns::kCursorIsPast)) {
    return chat::fail(ErrorCode::bad_frame, "this cursor is ahead of the store: sync without one");
  }
  chat::SyncPage page;
  const bool empty = rows->null(0, columns::kConversation);
  const int found = empty ? 0 : static_cast<int>(rows->bigint(0, columns::kFound));
  const int taken = std::min({rows->size(), query.limit, found});
  for (int row = 0; row < taken; ++row) {
    page.messages.add(message_at(*rows, row, rows->text(row, columns::kConversation)));
  }
  if (taken > 0) {
    position = {.commit_xid = rows->bigint(taken - 1, columns::kCommitXid),
                .ordinal = rows->bigint(taken - 1, columns::kOrdinal)};
  }
  page.cursor = make_cursor(*position, store_.id);
  page.more = found > taken;
  page.withheld = !empty && rows->boolean(0, columns::kWithheld);
  return page;
}

chat::Result<chat::SyncPage> PostgresReader::Lane::latest(const std::string& user, TimePoint expires_at) {
  const auto rows = connection_.query(kSyncLatest, Parameters().text(user), expires_at);
  if (!rows) return std::unexpected(rows.error());
  Position position;
  if (rows->size() > 0) position = {.commit_xid = rows->bigint(0, 0), .ordinal = rows->bigint(0, 1)};
  return chat::SyncPage{.messages = {}, .cursor = make_cursor(position, store_.id)};
}

chat::Result<bool> PostgresReader::Lane::contains_all(std::span<const chat::MessageKey> keys, TimePoint expires_at) {
  assert(keys.size() <= chat::kContainsKeysMax);
  Array conversations(Array::Of::text);
  Array senders(Array::Of::text);
  Array ids(Array::Of::text);
  for (const chat::MessageKey& key : keys) {
    conversations.add(chat::conversation_key(key.from, key.to));
    senders.add(key.from);
    ids.add(key.id);
  }
  Parameters parameters;
  parameters.array(std::move(conversations)).array(std::move(senders)).array(std::move(ids));
  const auto rows = connection_.query(kCountStored, parameters, expires_at);
  if (!rows) return std::unexpected(rows.error());
  return rows->bigint(0, 0) == static_cast<std::int64_t>(keys.size());
}

chat::Result<void> PostgresReader::Lane::check(TimePoint expires_at) {
  chat::Result<Store> store = find_store(connection_, expires_at);
  if (!store) return std::unexpected(store.error());
  store_ = *std::move(store);
  return {};
}

PostgresReader::PostgresReader(Options options, runtime::Dependency& dependency)
    : options_(std::move(options)), dependency_(dependency) {
  for (unsigned i = 0; i < std::max(1U, options_.connections); ++i) lanes_.push_back(std::make_unique<Lane>(options_));
}

PostgresReader::~PostgresReader() = default;

PostgresReader::Lane& PostgresReader::least_busy() {
  return **std::ranges::min_element(lanes_, {}, [](const auto& lane) { return lane->waiting().load(); });
}

// `read` runs on the lane's thread. What it refers to is in frames that wait for it.
template <class Read>
auto PostgresReader::ask(Read read) -> chat::Task<std::invoke_result_t<Read&, Lane&, TimePoint>> {
  using Answer = std::invoke_result_t<Read&, Lane&, TimePoint>;
  Lane& lane = least_busy();
  const TimePoint expires_at = std::chrono::steady_clock::now() + options_.deadline;
  auto job = [&lane, &read, expires_at]() -> Answer {
    if (std::chrono::steady_clock::now() >= expires_at) {
      return chat::fail(ErrorCode::unavailable, "the database's connections are busy");
    }
    return read(lane, expires_at);
  };
  ++lane.waiting();
  auto outcome = co_await lane.worker().run(std::move(job));
  --lane.waiting();
  if (!outcome) co_return chat::fail(ErrorCode::unavailable, "too many calls wait for the database");
  if (*outcome || outcome->error().code != ErrorCode::unavailable) {
    dependency_.up();
  } else {
    dependency_.down(outcome->error().message);
  }
  co_return *std::move(outcome);
}

chat::Task<chat::Result<chat::HistoryPage>> PostgresReader::history(const chat::HistoryQuery& query) {
  co_return co_await ask([&query](Lane& lane, TimePoint expires_at) { return lane.history(query, expires_at); });
}

chat::Task<chat::Result<chat::ConversationsPage>> PostgresReader::conversations(const chat::ConversationsQuery& query) {
  co_return co_await ask([&query](Lane& lane, TimePoint expires_at) { return lane.conversations(query, expires_at); });
}

chat::Task<chat::Result<chat::SyncPage>> PostgresReader::sync(const chat::SyncQuery& query) {
  co_return co_await ask([&query](Lane& lane, TimePoint expires_at) { return lane.sync(query, expires_at); });
}

chat::Task<chat::Result<bool>> PostgresReader::contains_all(std::span<const chat::MessageKey> keys) {
  co_return co_await ask([keys](Lane& lane, TimePoint expires_at) { return lane.contains_all(keys, expires_at); });
}

chat::Task<chat::Result<void>> PostgresReader::check() {
  co_return co_await ask([](Lane& lane, TimePoint expires_at) { return lane.check(expires_at); });
}

}  // namespace simplechat::adapters::postgres

#include "adapters/postgres/store.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "adapters/postgres/migrations.h"
#include "adapters/postgres/queries.h"
#include "chat/ids.h"

namespace simplechat::adapters::postgres {
namespace {

using chat::ErrorCode;
using Call = Connection::Call;

// A commit that is reported but not flushed would break the promise that an ack is; a stronger setting than `on` stays.
constexpr const char* kDurableCommits =
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

constexpr std::string_view kUniqueViolation = "23505";

constexpr Statement kInsertMembers{"insert_members",
                                   "INSERT INTO member (user_id, conversation) "
                                   "SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING"};

constexpr Statement kRaiseMarks{"raise_marks",
                                "INSERT INTO mark (conversation, user_id, received_at, read_at) "
                                "SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) "
                                "ON CONFLICT (conversation, user_id) DO UPDATE SET "
                                "  received_at = greatest(mark.received_at, excluded.received_at), "
                                "  read_at = greatest(mark.read_at, excluded.read_at) "
                                "WHERE excluded.received_at > mark.received_at OR excluded.read_at > mark.read_at"};

// The conversations of the batch's records, messages before marks.
std::vector<std::string> conversation_keys(const chat::RecordBatch& batch) {
  std::vector<std::string> keys;
  keys.reserve(batch.size());
  for (const chat::MessageView& message : batch.messages) {
    keys.push_back(chat::conversation_key(message.from, message.to));
  }
  for (const chat::Mark& mark : batch.marks) keys.push_back(chat::conversation_key(mark.user, mark.with));
  return keys;
}

// The statements take their rows in the order of their keys, and a transaction its tables in the same order, so that
// concurrent writers of the same rows wait for one another but never in a circle.
Parameters message_rows(const chat::MessageBatch& messages, std::span<const std::int64_t> conversations) {
  const auto key = [&](std::size_t index) {
    return std::tuple(conversations[index], messages[index].from, messages[index].id);
  };
  std::vector<std::size_t> order(messages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t index) { return std::tuple(key(index), index); });
  const auto repeated = std::ranges::unique(order, {}, key);  // the first of equal keys is stored
  order.erase(repeated.begin(), repeated.end());
  Array ordinal(Array::Of::bigint);
  Array at(Array::Of::bigint);
  Array conversation(Array::Of::bigint);
  Array sender(Array::Of::text);
  Array id(Array::Of::text);
  Array payload(Array::Of::bytea);
  for (const std::size_t index : order) {
    const chat::MessageView message = messages[index];
    ordinal.add(static_cast<std::int64_t>(index));
    at.add(message.at);
    conversation.add(conversations[index]);
    sender.add(message.from);
    id.add(message.id);
    payload.add(message.payload);
  }
  Parameters parameters;
  parameters.array(std::move(ordinal)).array(std::move(at)).array(std::move(conversation));
  parameters.array(std::move(sender)).array(std::move(id)).array(std::move(payload));
  return parameters;
}

Call raise_marks(const std::vector<chat::Mark>& marks, std::span<const std::int64_t> conversations) {
  struct Raised {
    chat::Timestamp received_at = 0;
    chat::Timestamp read_at = 0;
  };
  std::map<std::pair<std::int64_t, std::string_view>, Raised> raised;  // one statement may touch a row only once
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const chat::Mark& mark = marks[i];
    Raised& row = raised[{conversations[i], mark.user}];
    chat::Timestamp& at = mark.kind == chat::MarkKind::read ? row.read_at : row.received_at;
    at = std::max(at, mark.at);
  }
  Array conversation(Array::Of::bigint);
  Array user(Array::Of::text);
  Array received_at(Array::Of::bigint);
  Array read_at(Array::Of::bigint);
  for (const auto& [key, row] : raised) {
    conversation.add(key.first);
    user.add(key.second);
    received_at.add(row.received_at);
    read_at.add(row.read_at);
  }
  Parameters parameters;
  parameters.array(std::move(conversation)).array(std::move(user));
  parameters.array(std::move(received_at)).array(std::move(read_at));
  return {kRaiseMarks, std::move(parameters)};
}

}  // namespace

struct PostgresStore::Memberships {
  std::set<std::pair<std::string, std::int64_t>> rows;  // (user, conversation)
  // One for both members of a pair, one for each member of a group. A space joins the latter: no user id has one.
  std::vector<std::string> keys;

  [[nodiscard]] Call insert() const {
    Array users(Array::Of::text);
    Array conversations(Array::Of::bigint);
    for (const auto& [user, conversation] : rows) {
      users.add(user);
      conversations.add(conversation);
    }
    return {kInsertMembers, Parameters().array(std::move(users)).array(std::move(conversations))};
  }
};

PostgresStore::PostgresStore(Options options, PostgresReader& reader, runtime::Dependency& dependency)
    : options_(std::move(options)),
      reader_(reader),
      dependency_(dependency),
      connection_({.url = options_.url, .statement_timeout = options_.deadline},
                  [this](Connection& connection, Connection::TimePoint expires_at) -> chat::Result<void> {
                    repeats_expected_ = kRepeatsExpectedMax;
                    conversation_ids_.forget();  // it may be another database than before
                    known_.clear();
                    const auto store = find_store(connection, expires_at);
                    if (!store) return std::unexpected(store.error());
                    return connection.execute(kDurableCommits, expires_at);
                  }),
      worker_("pg-writer", kAppendsWaitingMax) {}

chat::Task<chat::Result<void>> PostgresStore::append(const chat::RecordBatch& batch) {
  const auto expires_at = std::chrono::steady_clock::now() + options_.deadline;
  auto job = [this, &batch, expires_at] { return write(batch, expires_at); };
  const auto outcome = co_await worker_.run(std::move(job));
  if (!outcome) co_return chat::fail(ErrorCode::unavailable, "too many batches wait for the database");
  // A refusal of the batch is not the database's failure.
  if (*outcome || outcome->error().code != ErrorCode::unavailable) {
    dependency_.up();
  } else {
    dependency_.down(outcome->error().message);
  }
  co_return *outcome;
}

chat::Result<void> PostgresStore::write(const chat::RecordBatch& batch, Connection::TimePoint expires_at) {
  if (std::chrono::steady_clock::now() >= expires_at) {
    return chat::fail(ErrorCode::unavailable, "the database takes batches more slowly than they come");
  }
  if (const auto ready = connection_.open(expires_at); !ready) return ready;
  if (batch.empty()) return {};
  const std::vector<std::string> keys = conversation_keys(batch);
  const auto conversations = conversation_ids_.find_or_add(connection_, keys, expires_at);
  if (!conversations) return std::unexpected(conversations.error());
  const auto [of_messages, of_marks] = std::pair(std::span(*conversations).first(batch.messages.size()),
                                                 std::span(*conversations).subspan(batch.messages.size()));
  std::vector<Call> calls;
  Memberships memberships;
  if (!batch.messages.empty()) {
    calls.push_back(
        {repeats_expected_ > 0 ? kInsertNewMessages : kInsertMessages, message_rows(batch.messages, of_messages)});
    memberships = unknown_memberships(batch.messages, keys, of_messages);
    if (!memberships.rows.empty()) calls.push_back(memberships.insert());
  }
  if (!batch.marks.empty()) calls.push_back(raise_marks(batch.marks, of_marks));
  auto committed = connection_.transact(calls, expires_at);
  if (committed && repeats_expected_ > 0) --repeats_expected_;
  if (!committed && !batch.messages.empty() && connection_.refused_as(kUniqueViolation)) {
    repeats_expected_ = kRepeatsExpectedMax;
    calls.front().statement = kInsertNewMessages;
    committed = connection_.transact(calls, expires_at);
  }
  if (committed) remember(std::move(memberships));
  return committed;
}

PostgresStore::Memberships PostgresStore::unknown_memberships(const chat::MessageBatch& messages,
                                                              std::span<const std::string> keys,
                                                              std::span<const std::int64_t> conversations) const {
  Memberships unknown;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const chat::MessageView message = messages[i];
    const bool group = chat::is_group_address(message.to);
    std::string key = keys[i];
    if (group) key.append(" ").append(message.from);
    if (known_.contains(key)) continue;
    unknown.keys.push_back(std::move(key));
    if (!group) unknown.rows.emplace(message.to, conversations[i]);
    unknown.rows.emplace(message.from, conversations[i]);
  }
  return unknown;
}

void PostgresStore::remember(Memberships memberships) {
  if (known_.size() + memberships.keys.size() > kKnownConversationsMax) known_.clear();
  for (std::string& key : memberships.keys) {
    if (known_.size() == kKnownConversationsMax) break;
    known_.insert(std::move(key));
  }
}

}  // namespace simplechat::adapters::postgres

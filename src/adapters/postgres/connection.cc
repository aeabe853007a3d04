#include "adapters/postgres/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "runtime/log.h"

namespace simplechat::adapters::postgres {
namespace {

using chat::ErrorCode;
using std::chrono::milliseconds;

constexpr int kBinary = 1;

constexpr Statement kBegin{"begin", "BEGIN"};
constexpr Statement kCommit{"commit", "COMMIT"};

// A client machine that vanished in the middle of a transaction must not hold back the readers of sync for long, so the
// server is told to notice it soon.
constexpr std::string_view kSessionSettings =
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
    "SET idle_in_transaction_session_timeout = '10s'; SET client_min_messages = warning; ";

milliseconds remaining(Connection::TimePoint expires_at) {
  return std::chrono::ceil<milliseconds>(expires_at - std::chrono::steady_clock::now());
}

// libpq's messages have several lines.
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, text.find_last_not_of(" \n") + 1));
  std::ranges::replace(line, '\n', ' ');
  return line;
}

std::string_view field(const PGresult& result, int code) {
  const char* const text = PQresultErrorField(&result, code);
  return text == nullptr ? "" : text;
}

// SQLSTATE classes that speak of the values given: data exception, integrity constraint violation, program limit
// exceeded, and what a trigger raised.
bool is_refusal_of_values(std::string_view sqlstate) {
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("54") ||
         sqlstate.starts_with("P0");
}

void log_notice(void* /*unused*/, const char* text) {
  runtime::log::warn("postgres_notice", {{"message", one_line(text)}});
}

bool is_error(const PGresult& result) {
  const ExecStatusType status = PQresultStatus(&result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

}  // namespace

Connection::Connection(Options options, OnConnect on_connect)
    : options_(std::move(options)), on_connect_(std::move(on_connect)) {}

chat::Result<void> Connection::open(TimePoint expires_at) {
  close_if_stale();
  if (handle_) return {};
  if (std::chrono::steady_clock::now() < next_attempt_at_) return std::unexpected(last_failure_);
  chat::Result<void> opened = connect(expires_at);
  if (opened && on_connect_) opened = on_connect_(*this, expires_at);
  if (opened) {
    backoff_.reset();
  } else {
    close();
    last_failure_ = opened.error();
    next_attempt_at_ = std::chrono::steady_clock::now() + backoff_.next();
  }
  return opened;
}

void Connection::close() {
  handle_.reset();
  prepared_.clear();
}

// Between calls a server has nothing to say but that it closes the connection. (Should it ever be something else, the
// price is one new connection.)
void Connection::close_if_stale() {
  if (!handle_) return;
  pollfd descriptor{.fd = PQsocket(handle_.get()), .events = POLLIN, .revents = 0};
  if (::poll(&descriptor, 1, 0) > 0) close();
}

chat::Result<void> Connection::connect(TimePoint expires_at) {
  const std::string loss_noticed_ms = std::to_string(std::max<milliseconds::rep>(1, remaining(expires_at).count()));
  // The last of repeated keywords counts, and empty ones do not.
  const std::array<const char*, 6> keywords{
      "dbname", "fallback_application_name", "client_encoding", "tcp_user_timeout", "dbname", nullptr};
  const std::array<const char*, 6> values{options_.url.c_str(),      "simplechat", "UTF8", loss_noticed_ms.c_str(),
                                          options_.database.c_str(), nullptr};
  handle_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (!handle_) return lost("out of memory");
  PQsetNoticeProcessor(handle_.get(), log_notice, nullptr);
  if (const auto connected = complete_handshake(expires_at); !connected) return connected;
  if (PQsetnonblocking(handle_.get(), 1) != 0) return lost(PQerrorMessage(handle_.get()));
  const std::string setup = fmt::format("{}SET statement_timeout = {}; {}", kSessionSettings,
                                        options_.statement_timeout.count(), options_.setup_sql);
  return execute(setup, expires_at);
}

chat::Result<void> Connection::complete_handshake(TimePoint expires_at) {
  if (PQstatus(handle_.get()) == CONNECTION_BAD) return lost(PQerrorMessage(handle_.get()));
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    if (next == PGRES_POLLING_FAILED) return lost(PQerrorMessage(handle_.get()));
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (const auto ready = wait(events, expires_at); !ready) return ready;
    next = PQconnectPoll(handle_.get());
  }
  return {};
}

chat::Result<Rows> Connection::query(const Statement& statement, const Parameters& parameters, TimePoint expires_at) {
  if (const auto ready = open(expires_at); !ready) return std::unexpected(ready.error());
  if (const auto ready = prepare(statement, expires_at); !ready) return std::unexpected(ready.error());
  if (!send(statement, parameters)) return lost(PQerrorMessage(handle_.get()));
  return collect(expires_at);
}

chat::Result<void> Connection::execute(const std::string& sql, TimePoint expires_at) {
  if (const auto ready = open(expires_at); !ready) return ready;
  if (PQsendQuery(handle_.get(), sql.c_str()) == 0) return lost(PQerrorMessage(handle_.get()));
  const chat::Result<Rows> done = collect(expires_at);
  if (!done) return std::unexpected(done.error());
  return {};
}

chat::Result<void> Connection::transact(std::span<const Call> calls, TimePoint expires_at) {
  close_if_stale();
  if (!handle_) return chat::fail(ErrorCode::unavailable, "PostgreSQL: the connection was closed");
  for (const Statement& statement : {kBegin, kCommit}) {
    if (const auto ready = prepare(statement, expires_at); !ready) return ready;
  }
  for (const Call& call : calls) {
    if (const auto ready = prepare(call.statement, expires_at); !ready) return ready;
  }
  bool sent = PQenterPipelineMode(handle_.get()) == 1 && send(kBegin, {});
  for (const Call& call : calls) sent = sent && send(call.statement, call.parameters);
  // An explicit COMMIT rather than the implicit one of the sync: its result comes after the commit, so it can be
  // trusted.
  sent = sent && send(kCommit, {}) && PQpipelineSync(handle_.get()) == 1;
  if (!sent) return lost(PQerrorMessage(handle_.get()));
  const chat::Result<void> finished = finish_pipeline(expires_at);
  if (!finished && is_open()) {
    if (const auto rolled_back = execute("ROLLBACK", expires_at); !rolled_back) close();
  }
  return finished;
}

chat::Result<void> Connection::finish_pipeline(TimePoint expires_at) {
  ResultPtr first_error;
  while (true) {
    chat::Result<ResultPtr> result = next_result(expires_at);
    if (!result) return std::unexpected(result.error());
    if (!*result) {  // the end of one call's results
      if (PQstatus(handle_.get()) == CONNECTION_BAD) return lost(PQerrorMessage(handle_.get()));
      continue;
    }
    if (PQresultStatus(result->get()) == PGRES_PIPELINE_SYNC) break;
    if (is_error(**result) && !first_error) first_error = *std::move(result);
  }
  if (PQexitPipelineMode(handle_.get()) == 0) return lost(PQerrorMessage(handle_.get()));
  if (first_error) return refusal(*first_error);
  return {};
}

chat::Result<void> Connection::prepare(const Statement& statement, TimePoint expires_at) {
  if (prepared_.contains(statement.name)) return {};
  if (PQsendPrepare(handle_.get(), statement.name, statement.sql, 0, nullptr) == 0) {
    return lost(PQerrorMessage(handle_.get()));
  }
  const chat::Result<Rows> prepared = collect(expires_at);
  if (!prepared) return std::unexpected(prepared.error());
  prepared_.insert(statement.name);
  return {};
}

bool Connection::send(const Statement& statement, const Parameters& parameters) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const std::string& value : parameters.values()) {
    values.push_back(value.data());
    lengths.push_back(static_cast<int>(value.size()));
  }
  const std::vector<int> formats(values.size(), kBinary);
  return PQsendQueryPrepared(handle_.get(), statement.name, static_cast<int>(values.size()), values.data(),
                             lengths.data(), formats.data(), kBinary) == 1;
}

chat::Result<Rows> Connection::collect(TimePoint expires_at) {
  ResultPtr last;
  while (true) {
    chat::Result<ResultPtr> result = next_result(expires_at);
    if (!result) return std::unexpected(result.error());
    if (!*result) break;
    // The first error counts; a commit's error comes behind the rows.
    if (!last || !is_error(*last)) last = *std::move(result);
  }
  if (!last) return lost("the server sent no result");
  if (is_error(*last)) return refusal(*last);
  return Rows(std::move(last));
}

chat::Result<ResultPtr> Connection::next_result(TimePoint expires_at) {
  for (int unsent = PQflush(handle_.get()); unsent != 0; unsent = PQflush(handle_.get())) {
    if (unsent < 0) return lost(PQerrorMessage(handle_.get()));
    if (const auto ready = wait(POLLIN | POLLOUT, expires_at); !ready) return std::unexpected(ready.error());
    if (PQconsumeInput(handle_.get()) == 0) return lost(PQerrorMessage(handle_.get()));
  }
  while (PQisBusy(handle_.get()) != 0) {
    if (const auto ready = wait(POLLIN, expires_at); !ready) return std::unexpected(ready.error());
    if (PQconsumeInput(handle_.get()) == 0) return lost(PQerrorMessage(handle_.get()));
  }
  return ResultPtr(PQgetResult(handle_.get()));
}

chat::Result<void> Connection::wait(short events, TimePoint expires_at) {
  while (true) {
    const milliseconds left = remaining(expires_at);
    if (left <= milliseconds::zero()) return lost("no answer within the deadline");
    pollfd descriptor{.fd = PQsocket(handle_.get()), .events = events, .revents = 0};
    const int ready = ::poll(&descriptor, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return lost("poll failed");
  }
}

std::unexpected<chat::Error> Connection::refusal(const PGresult& result) {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) return lost(PQresultErrorMessage(&result));  // libpq's own: the connection broke
  const std::string reason = fmt::format("{} ({})", field(result, PG_DIAG_MESSAGE_PRIMARY), sqlstate);
  if (!is_refusal_of_values(sqlstate)) return lost(reason);
  refusal_sqlstate_ = sqlstate;
  return chat::fail(ErrorCode::internal, "PostgreSQL: " + reason);
}

std::unexpected<chat::Error> Connection::lost(std::string_view reason) {
  std::string message = "PostgreSQL: " + one_line(reason);  // `reason` may point into the handle
  close();
  return chat::fail(ErrorCode::unavailable, std::move(message));
}

std::string Connection::quote_identifier(std::string_view name) const {
  char* const quoted = PQescapeIdentifier(handle_.get(), name.data(), name.size());
  std::string copy = quoted == nullptr ? "" : quoted;
  PQfreemem(quoted);
  return copy;
}

std::string Connection::database() const {
  const char* const name = handle_ ? PQdb(handle_.get()) : nullptr;
  return name == nullptr ? "" : name;
}

}  // namespace simplechat::adapters::postgres

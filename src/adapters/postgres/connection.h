// One connection to PostgreSQL, on libpq. Every call ends by the time point given, whatever the server does: the socket
// is non-blocking and waited for with poll().
//
// Lives on one thread, which it blocks (a runtime::Worker). Connects on the first call and again on the first call
// after it was lost; between failed attempts it waits, from 100 ms doubling to 5 s with jitter, and calls meanwhile
// fail at once with the reason of the last attempt.
//
// Errors: `internal` when the server refuses the very values that it was given (SQLSTATE classes 22, 23, 54 and P0), so
// that repeating cannot help; otherwise `unavailable`, after which the connection is closed, whatever state it was in.
// A message never holds row contents.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "adapters/postgres/binary_format.h"
#include "chat/error.h"
#include "runtime/backoff.h"

namespace simplechat::adapters::postgres {

// `name` is unique within the program: a connection prepares each statement once, on its first use.
struct Statement {
  const char* name;
  const char* sql;
};

class Connection {
 public:
  static constexpr std::chrono::milliseconds kBackoffFirst{100};
  static constexpr std::chrono::milliseconds kBackoffMax{5000};

  using TimePoint = std::chrono::steady_clock::time_point;
  // Called on each new connection before anything else uses it. An error closes the connection again.
  using OnConnect = std::function<chat::Result<void>(Connection&, TimePoint expires_at)>;

  struct Options {
    std::string url;                                    // postgres://user:password@host:port/database
    std::string database = {};                          // instead of the URL's; empty: the URL's
    std::string setup_sql = {};                         // SET statements for each new connection
    std::chrono::milliseconds statement_timeout{5000};  // at the server; 0: none
  };

  explicit Connection(Options options, OnConnect on_connect = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects if it is not connected.
  chat::Result<void> open(TimePoint expires_at);
  void close();
  [[nodiscard]] bool is_open() const { return handle_ != nullptr; }

  chat::Result<Rows> query(const Statement& statement, const Parameters& parameters, TimePoint expires_at);
  // SQL text without parameters, possibly several statements. Its rows, if any, are dropped.
  chat::Result<void> execute(const std::string& sql, TimePoint expires_at);

  struct Call {
    Statement statement;
    Parameters parameters;
  };
  // All calls in one transaction and one round trip. Ends after the commit. Unlike the others it does not connect: what
  // the calls say (numbers of conversations) was learned on the connection that there was, and another may lead to
  // another database.
  chat::Result<void> transact(std::span<const Call> calls, TimePoint expires_at);

  // Whether the last call that failed with `internal` did so for this reason.
  [[nodiscard]] bool refused_as(std::string_view sqlstate) const { return refusal_sqlstate_ == sqlstate; }

  // `name` quoted for use as an identifier in SQL text. Only while open.
  [[nodiscard]] std::string quote_identifier(std::string_view name) const;
  [[nodiscard]] std::string database() const;  // the one connected to; empty while closed

 private:
  struct Finish {
    void operator()(PGconn* handle) const { PQfinish(handle); }
  };

  chat::Result<void> connect(TimePoint expires_at);
  chat::Result<void> complete_handshake(TimePoint expires_at);
  // Only while open.
  chat::Result<void> prepare(const Statement& statement, TimePoint expires_at);
  bool send(const Statement& statement, const Parameters& parameters);
  chat::Result<void> finish_pipeline(TimePoint expires_at);
  // The rows of the last result of what was sent, once all of it is answered.
  chat::Result<Rows> collect(TimePoint expires_at);
  chat::Result<ResultPtr> next_result(TimePoint expires_at);
  chat::Result<void> wait(short events, TimePoint expires_at);
  void close_if_stale();
  std::unexpected<chat::Error> refusal(const PGresult& result);
  std::unexpected<chat::Error> lost(std::string_view reason);

  const Options options_;
  const OnConnect on_connect_;
  std::unique_ptr<PGconn, Finish> handle_;
  std::string refusal_sqlstate_;
  std::set<std::string_view> prepared_;  // names of the statements that this connection knows

  runtime::Backoff backoff_{kBackoffFirst, kBackoffMax};
  TimePoint next_attempt_at_;
  chat::Error last_failure_;
};

}  // namespace simplechat::adapters::postgres

// chat::MessageReader on PostgreSQL: a few connections, each with a thread of its own, and each call on the one with
// the fewest waiting.
//
// Thread-safe: callable from any reactor, resumes on the caller's. One per process. Bounds: `connections`, and
// kWaitingMax calls waiting for each; beyond, and when a call's turn comes after its deadline: unavailable.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "chat/message_store.h"
#include "runtime/dependency.h"

namespace simplechat::adapters::postgres {

class PostgresReader final : public chat::MessageReader {
 public:
  static constexpr std::size_t kWaitingMax = 256;

  struct Options {
    std::string url;  // postgres://user:password@host:port/database
    unsigned connections = 4;
    std::chrono::milliseconds deadline{3000};  // of each call, waiting for its turn included
  };

  // Connects on the first call. Says in `dependency`, which outlives it, whether calls succeed.
  PostgresReader(Options options, runtime::Dependency& dependency);
  ~PostgresReader() override;

  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& query) override;
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& query) override;
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& query) override;
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override;

  // Whether the database answers and has the schema. Called every now and then, it keeps `dependency` right while there
  // are no other calls.
  chat::Task<chat::Result<void>> check();

 private:
  class Lane;

  template <class Read>
  auto ask(Read read) -> chat::Task<std::invoke_result_t<Read&, Lane&, std::chrono::steady_clock::time_point>>;
  Lane& least_busy();

  const Options options_;
  runtime::Dependency& dependency_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace simplechat::adapters::postgres

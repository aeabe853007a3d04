// The numbers by which rows name their conversations, of those that were met lately.
//
// Lives on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/postgres/connection.h"
#include "chat/error.h"

namespace simplechat::adapters::postgres {

class ConversationIds {
 public:
  // Beyond: all are forgotten, and asked for again as they come.
  static constexpr std::size_t kKnownMax = 100'000;

  // The numbers of the conversations with these keys (chat::conversation_key()), in the same order. A conversation that
  // the database does not have yet is added, and committed by then. One round trip if not all are known.
  chat::Result<std::vector<std::int64_t>> find_or_add(Connection& connection, std::span<const std::string> keys,
                                                      Connection::TimePoint expires_at);

  void forget() { known_.clear(); }

 private:
  [[nodiscard]] std::vector<std::string_view> unknown(std::span<const std::string> keys) const;
  chat::Result<void> learn(Connection& connection, std::span<const std::string_view> keys,
                           Connection::TimePoint expires_at);

  std::unordered_map<std::string, std::int64_t> known_;
};

}  // namespace simplechat::adapters::postgres

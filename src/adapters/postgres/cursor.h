// Where a user's sync stands in a store, and the text in which clients keep it: p1.<store>.<transaction>.<ordinal>.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simplechat::adapters::postgres {

// Of the last message that was seen. It is a message's and not, say, the oldest running transaction's: a message that
// was seen is on disk, so after a crash of the server no later transaction gets an id at or below it.
struct Position {
  std::int64_t commit_xid = 0;  // 0: before every message
  std::int64_t ordinal = 0;

  bool operator==(const Position&) const = default;
};

[[nodiscard]] std::string make_cursor(const Position& position, std::string_view store_id);
// nullopt if `text` is not a cursor that make_cursor() made for this store.
[[nodiscard]] std::optional<Position> parse_cursor(std::string_view text, std::string_view store_id);

}  // namespace simplechat::adapters::postgres

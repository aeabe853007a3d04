#include "adapters/postgres/cursor.h"

#include <fmt/format.h>

#include <charconv>

namespace simplechat::adapters::postgres {
namespace {

constexpr std::string_view kForm = "p1.";

}  // namespace

std::string make_cursor(const Position& position, std::string_view store_id) {
  return fmt::format("{}{}.{}.{}", kForm, store_id, position.commit_xid, position.ordinal);
}

std::optional<Position> parse_cursor(std::string_view text, std::string_view store_id) {
  if (!text.starts_with(kForm) || !text.substr(kForm.size()).starts_with(store_id)) return std::nullopt;
  const char* const end = text.data() + text.size();
  const char* next = text.data() + kForm.size() + store_id.size();
  Position position;
  for (std::int64_t* const number : {&position.commit_xid, &position.ordinal}) {
    if (next == end || *next != '.') return std::nullopt;
    const auto [stop, error] = std::from_chars(next + 1, end, *number);
    if (error != std::errc()) return std::nullopt;
    next = stop;
  }
  // Made again, it must be the same: no sign, no leading zero, nothing behind it.
  if (make_cursor(position, store_id) != text || position.commit_xid < 0 || position.ordinal < 0) return std::nullopt;
  return position;
}

}  // namespace simplechat::adapters::postgres

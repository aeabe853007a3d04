#include "wire/query_params.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "chat/ids.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

using chat::ErrorCode;

std::optional<std::string> take(const QueryParameters& parameters, std::string_view name) {
  std::optional<std::string> value = parameters(name);
  if (value && value->empty()) value.reset();
  return value;
}

chat::Result<std::optional<std::int64_t>> parse_integer(const QueryParameters& parameters, std::string_view name,
                                                        std::int64_t min, std::int64_t max) {
  const std::optional<std::string> text = take(parameters, name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < min || value > max) {
    return chat::fail(ErrorCode::bad_frame, std::string(name) + " must be an integer of " + std::to_string(min) +
                                                " to " + std::to_string(max));
  }
  return value;
}

chat::Result<std::optional<chat::Timestamp>> parse_at(const QueryParameters& parameters, std::string_view name) {
  return parse_integer(parameters, name, 0, kTimestampMax);
}

chat::Result<int> parse_limit(const QueryParameters& parameters) {
  const auto limit = parse_integer(parameters, "limit", 1, chat::kPageSizeMax);
  if (!limit) return std::unexpected(limit.error());
  return static_cast<int>(limit->value_or(chat::kPageSizeDefault));
}

bool is_cursor(std::string_view text) {
  if (text.size() > kCursorBytesMax) return false;
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

}  // namespace

chat::Result<chat::HistoryQuery> parse_history_query(std::string user, const QueryParameters& parameters) {
  std::optional<std::string> with = take(parameters, "with");
  if (!with || !(chat::is_user_id(*with) || chat::is_group_address(*with))) {
    return chat::fail(ErrorCode::bad_frame, "with must be a user id or a group address");
  }
  const auto before = parse_at(parameters, "before");
  if (!before) return std::unexpected(before.error());
  const auto after = parse_at(parameters, "after");
  if (!after) return std::unexpected(after.error());
  if (*before && *after) return chat::fail(ErrorCode::bad_frame, "before and after exclude each other");
  const auto limit = parse_limit(parameters);
  if (!limit) return std::unexpected(limit.error());
  return chat::HistoryQuery{
      .user = std::move(user), .with = *std::move(with), .before = *before, .after = *after, .limit = *limit};
}

chat::Result<chat::ConversationsQuery> parse_conversations_query(std::string user, const QueryParameters& parameters) {
  const auto before = parse_at(parameters, "before");
  if (!before) return std::unexpected(before.error());
  const auto limit = parse_limit(parameters);
  if (!limit) return std::unexpected(limit.error());
  return chat::ConversationsQuery{.user = std::move(user), .before = *before, .limit = *limit};
}

chat::Result<chat::SyncQuery> parse_sync_query(std::string user, const QueryParameters& parameters) {
  std::string cursor = take(parameters, "cursor").value_or(std::string());
  if (!is_cursor(cursor)) {
    return chat::fail(ErrorCode::bad_frame, "cursor must be one that a sync before returned, or absent");
  }
  const std::string latest = take(parameters, "latest").value_or("false");
  if (latest != "true" && latest != "false") return chat::fail(ErrorCode::bad_frame, "latest must be true or false");
  if (latest == "true" && !cursor.empty())
    return chat::fail(ErrorCode::bad_frame, "cursor and latest exclude each other");
  const auto limit = parse_limit(parameters);
  if (!limit) return std::unexpected(limit.error());
  return chat::SyncQuery{
      .user = std::move(user), .cursor = std::move(cursor), .limit = *limit, .latest = latest == "true"};
}

chat::Result<std::string> parse_query_user(const QueryParameters& parameters) {
  std::optional<std::string> user = take(parameters, "user");
  if (!user || !chat::is_user_id(*user)) return chat::fail(ErrorCode::bad_frame, "user must be a user id");
  return *std::move(user);
}

}  // namespace simplechat::wire

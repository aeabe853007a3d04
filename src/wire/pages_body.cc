#include "wire/pages_body.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/json_reader.h"
#include "wire/message_json.h"

namespace simplechat::wire {
namespace {

using chat::ErrorCode;

constexpr std::string_view kSuccessStart = R"({"status":"success",)";

chat::MessageBatch read_messages(ObjectReader& reader) {
  chat::MessageBatch messages;
  const auto array = reader.array("messages");
  if (!array) return messages;
  const auto read = read_objects(*array, "message", [&messages](ObjectReader& object) {
    const chat::MessageView message = object.message(Presence::required);
    if (!object.failed()) messages.add(message);
  });
  if (!read) reader.fail(read.error());
  return messages;
}

chat::Message read_last(ObjectReader& conversation) {
  const auto object = conversation.object("last");
  if (!object) return {};
  ObjectReader reader(*object);
  const chat::MessageView message = reader.message(Presence::required);
  if (reader.failed()) {
    conversation.fail(reader.take_error());
    return {};
  }
  return {.id = std::string(message.id),
          .from = std::string(message.from),
          .to = std::string(message.to),
          .payload = std::string(message.payload),
          .at = message.at};
}

chat::Conversation read_conversation(ObjectReader& reader) {
  return {.with = std::string(reader.address("with")),
          .last = read_last(reader),
          .unread = static_cast<int>(reader.integer("unread", 0, chat::kUnreadCountMax)),
          .read_at = reader.timestamp("readAt"),
          .received_at = reader.timestamp("receivedAt"),
          .peer_read_at = reader.timestamp("peerReadAt"),
          .peer_received_at = reader.timestamp("peerReceivedAt")};
}

chat::HistoryPage read_history_page(ObjectReader& reader) {
  reader.expect_success();
  return {.messages = read_messages(reader), .more = reader.boolean("more")};
}

chat::SyncPage read_sync_page(ObjectReader& reader) {
  reader.expect_success();
  return {.messages = read_messages(reader),
          .cursor = std::string(reader.printable("cursor", 0, kCursorBytesMax)),
          .more = reader.boolean("more"),
          .withheld = reader.boolean("withheld", Presence::optional)};
}

chat::ConversationsPage read_conversations_page(ObjectReader& reader) {
  reader.expect_success();
  chat::ConversationsPage page;
  page.more = reader.boolean("more");
  const auto array = reader.array("conversations");
  if (!array) return page;
  const auto read = read_objects(*array, "conversation", [&page](ObjectReader& object) {
    page.conversations.push_back(read_conversation(object));
  });
  if (!read) reader.fail(read.error());
  return page;
}

constexpr std::array kErrorCodes = {
    ErrorCode::bad_json,           ErrorCode::bad_frame,    ErrorCode::unknown_type, ErrorCode::not_registered,
    ErrorCode::already_registered, ErrorCode::unauthorized, ErrorCode::forbidden,    ErrorCode::too_large,
    ErrorCode::rate_limited,       ErrorCode::unavailable,  ErrorCode::not_found,    ErrorCode::internal,
};

}  // namespace

std::string encode_history_page(std::string_view with, const chat::HistoryPage& page) {
  std::string out(kSuccessStart);
  append_history_members(out, with, page);
  return out.append("}");
}

std::string encode_sync_page(const chat::SyncPage& page) {
  std::string out(kSuccessStart);
  append_sync_members(out, page);
  if (page.withheld) out.append(R"(,"withheld":true)");
  return out.append("}");
}

std::string encode_conversations_page(const chat::ConversationsPage& page) {
  std::string out(kSuccessStart);
  append_conversations_members(out, page);
  return out.append("}");
}

chat::Result<chat::HistoryPage> parse_history_page(std::string_view body) {
  return parse_object_with(body, read_history_page);
}

chat::Result<chat::SyncPage> parse_sync_page(std::string_view body) { return parse_object_with(body, read_sync_page); }

chat::Result<chat::ConversationsPage> parse_conversations_page(std::string_view body) {
  return parse_object_with(body, read_conversations_page);
}

chat::Error parse_http_error(std::string_view body) {
  constexpr std::size_t kMessageBytesMax = 1024;
  chat::Error unreadable{ErrorCode::internal, "the other service answered with an error that can't be read"};
  JsonDocument document;
  const auto object = document.parse_object(body);
  if (!object) return unreadable;
  ObjectReader reader(*object);
  const std::string_view status = reader.text("status", 0, kMessageBytesMax);
  const std::string_view name = reader.text("code", 0, kMessageBytesMax);
  const std::string_view message = reader.text("message", 0, kMessageBytesMax);
  const auto* const code = std::ranges::find(kErrorCodes, name, chat::to_string);
  if (reader.failed() || status != "error" || code == kErrorCodes.end()) return unreadable;
  return {*code, std::string(message)};
}

}  // namespace simplechat::wire

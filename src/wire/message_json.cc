#include "wire/message_json.h"

#include "wire/json.h"

namespace simplechat::wire {
namespace {

// Bytes of a message's JSON beside its id, addresses and payload.
constexpr std::size_t kMessageOverheadBytes = 80;

void append_messages(std::string& out, const chat::MessageBatch& messages) {
  out.reserve(out.size() + messages.bytes() + messages.size() * kMessageOverheadBytes);
  out.append(R"("messages":[)");
  std::string_view separator;
  for (const chat::MessageView& message : messages) {
    out.append(separator).append("{");
    append_message_members(out, message);
    out.append("}");
    separator = ",";
  }
  out.append("]");
}

void append_more(std::string& out, bool more) { out.append(more ? R"(,"more":true)" : R"(,"more":false)"); }

void append_conversation(std::string& out, const chat::Conversation& conversation) {
  out.append(R"({"with":)");
  append_json_string(out, conversation.with);
  out.append(R"(,"last":{)");
  append_message_members(out, conversation.last.view());
  out.append(R"(},"unread":)");
  append_json_integer(out, conversation.unread);
  out.append(R"(,"readAt":)");
  append_json_integer(out, conversation.read_at);
  out.append(R"(,"receivedAt":)");
  append_json_integer(out, conversation.received_at);
  out.append(R"(,"peerReadAt":)");
  append_json_integer(out, conversation.peer_read_at);
  out.append(R"(,"peerReceivedAt":)");
  append_json_integer(out, conversation.peer_received_at);
  out.append("}");
}

}  // namespace

void append_message_members(std::string& out, const chat::MessageView& message) {
  out.append(R"("id":)");
  append_json_string(out, message.id);
  out.append(R"(,"from":)");
  append_json_string(out, message.from);
  out.append(R"(,"to":)");
  append_json_string(out, message.to);
  out.append(R"(,"payload":)");
  append_json_string(out, message.payload);
  out.append(R"(,"at":)");
  append_json_integer(out, message.at);
}

void append_history_members(std::string& out, std::string_view with, const chat::HistoryPage& page) {
  out.append(R"("with":)");
  append_json_string(out, with);
  out.append(",");
  append_messages(out, page.messages);
  append_more(out, page.more);
}

void append_sync_members(std::string& out, const chat::SyncPage& page) {
  append_messages(out, page.messages);
  out.append(R"(,"cursor":)");
  append_json_string(out, page.cursor);
  append_more(out, page.more);
}

void append_conversations_members(std::string& out, const chat::ConversationsPage& page) {
  out.append(R"("conversations":[)");
  for (const chat::Conversation& conversation : page.conversations) {
    if (&conversation != &page.conversations.front()) out.append(",");
    append_conversation(out, conversation);
  }
  out.append("]");
  append_more(out, page.more);
}

}  // namespace simplechat::wire

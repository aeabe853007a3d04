// Server-to-client frames: values to JSON text, appended to `out`. Pure.
//
// Strings are escaped per RFC 8259 (only what must be escaped; UTF-8 goes through as it is).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/message_store.h"
#include "chat/records.h"

namespace simplechat::wire {

void append_registered(std::string& out, std::string_view user, std::string_view session, chat::Timestamp at);
void append_unregistered(std::string& out);
// {"type":"ack","id":...,"to":...,"at":...}
void append_ack(std::string& out, std::string_view id, std::string_view to, chat::Timestamp at);
// {"type":"normal","id":...,"from":...,"to":...,"payload":...,"at":...}
void append_normal(std::string& out, const chat::MessageView& message);
// What append_normal() wrote into a frame, as it stands there: escaped, if an id has quotes or backslashes. Nothing of
// another frame.
struct NormalIds {
  std::string_view id;
  std::string_view from;
  std::string_view to;
};
[[nodiscard]] std::optional<NormalIds> normal_ids(std::string_view frame);

void append_typing(std::string& out, std::string_view from, std::string_view to);
// {"type":"received"|"read","from":...,"with":...,"at":...}
void append_mark(std::string& out, const chat::Mark& mark);
void append_resync(std::string& out);
void append_draining(std::string& out, std::int64_t after_ms);
// `id` is left out if empty; `ref` (raw JSON) likewise. A negative `retry_ms` is left out.
void append_error(std::string& out, const chat::Error& error, std::string_view id = {}, std::string_view ref = {},
                  std::int64_t retry_ms = -1);
void append_pong(std::string& out, std::string_view ref, chat::Timestamp at);
void append_history(std::string& out, std::string_view ref, std::string_view with, const chat::HistoryPage& page);
void append_sync(std::string& out, std::string_view ref, const chat::SyncPage& page);
void append_conversations(std::string& out, std::string_view ref, const chat::ConversationsPage& page);

}  // namespace simplechat::wire

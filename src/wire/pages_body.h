// History, sync and conversation pages as HTTP answers, and back: what gateways and sv-persist serve under /v1/, and
// how a gateway reads sv-persist. The same shapes as the frames, with "status":"success" and without "type". Pure.
#pragma once

#include <string>
#include <string_view>

#include "chat/error.h"
#include "chat/message_store.h"

namespace simplechat::wire {

[[nodiscard]] std::string encode_history_page(std::string_view with, const chat::HistoryPage& page);
[[nodiscard]] std::string encode_sync_page(const chat::SyncPage& page);
[[nodiscard]] std::string encode_conversations_page(const chat::ConversationsPage& page);

// Errors: bad_json or bad_frame if the other side does not speak the contract.
[[nodiscard]] chat::Result<chat::HistoryPage> parse_history_page(std::string_view body);
[[nodiscard]] chat::Result<chat::SyncPage> parse_sync_page(std::string_view body);
[[nodiscard]] chat::Result<chat::ConversationsPage> parse_conversations_page(std::string_view body);

// {"status":"error","code":...,"message":...} back into an Error; internal if it is not of that form.
[[nodiscard]] chat::Error parse_http_error(std::string_view body);

}  // namespace simplechat::wire

// Client-to-server frames as a client writes them: values to JSON text, appended to `out`. Pure; the other half of
// client_frame.h.
//
// Ids and addresses must have the contract's form, `ref`s too: at most kRefBytesMax as JSON. Texts must be valid UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/message.h"
#include "chat/records.h"

namespace simplechat::wire::client {

// `token` is left out if empty.
void append_register(std::string& out, std::string_view from, std::string_view token);
void append_normal(std::string& out, std::string_view to, std::string_view id, std::string_view payload);
void append_typing(std::string& out, std::string_view to);
void append_mark(std::string& out, chat::MarkKind kind, std::string_view with, chat::Timestamp at);
// The latest messages before `before`, or the latest of all.
void append_history(std::string& out, std::string_view ref, std::string_view with,
                    std::optional<chat::Timestamp> before, int limit);
// From `cursor`; empty: from the first message.
void append_sync(std::string& out, std::string_view ref, std::string_view cursor, int limit);
// For the cursor behind everything that is stored now.
void append_sync_latest(std::string& out, std::string_view ref);
void append_ping(std::string& out, std::string_view ref);

}  // namespace simplechat::wire::client

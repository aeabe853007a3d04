// The members that several of this room's texts share: a message, and the three kinds of page. For this room's .cc
// files only.
//
// Each appends `"name":value` pairs without the braces around them and without a comma before the first or after the
// last.
#pragma once

#include <string>
#include <string_view>

#include "chat/message.h"
#include "chat/message_store.h"

namespace simplechat::wire {

// "id","from","to","payload","at"
void append_message_members(std::string& out, const chat::MessageView& message);
// "with","messages","more"
void append_history_members(std::string& out, std::string_view with, const chat::HistoryPage& page);
// "messages","cursor","more"
void append_sync_members(std::string& out, const chat::SyncPage& page);
// "conversations","more"
void append_conversations_members(std::string& out, const chat::ConversationsPage& page);

}  // namespace simplechat::wire

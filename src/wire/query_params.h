// Query parameters of GET /v1/history, /v1/conversations and /v1/sync: text to values. Pure; the gateway and sv-persist
// serve the same parameters.
//
//   /v1/history?with=&before=&after=&limit=    /v1/conversations?before=&limit=    /v1/sync?cursor=&limit=
//
// Unknown parameters are ignored, and an empty one counts as absent. Errors: bad_frame, naming the parameter and what
// is allowed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "chat/error.h"
#include "chat/message_store.h"

namespace simplechat::wire {

// The percent-decoded value of a parameter; nullopt if absent.
using QueryParameters = std::function<std::optional<std::string>(std::string_view name)>;

// `user` is whose view is asked for: from the token, or the parameter of this name (parse_query_user).
[[nodiscard]] chat::Result<chat::HistoryQuery> parse_history_query(std::string user, const QueryParameters& parameters);
[[nodiscard]] chat::Result<chat::ConversationsQuery> parse_conversations_query(std::string user,
                                                                               const QueryParameters& parameters);
[[nodiscard]] chat::Result<chat::SyncQuery> parse_sync_query(std::string user, const QueryParameters& parameters);

// The parameter `user`, which must be there and be a user id.
[[nodiscard]] chat::Result<std::string> parse_query_user(const QueryParameters& parameters);

}  // namespace simplechat::wire

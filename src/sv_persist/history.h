// GET /v1/history, /v1/conversations and /v1/sync for gateways, over a chat::MessageReader. Parameters: `user`, and
// those of wire/query_params.h; answers: wire/pages_body.h, or an error of the wire contract, section 3. And POST
// /v1/contains, whose bodies are wire/contains_body.h.
//
// Registered for each reactor's routes, with that reactor's probe; the reader is shared, so it is thread-safe.
#pragma once

#include <string>

#include "chat/message_store.h"
#include "runtime/http.h"
#include "sv_persist/probe.h"

namespace simplechat::sv_persist {

// `reader` and `probe` outlive `routes`. `cluster_secret`: required as a bearer token unless empty.
void add_history_routes(runtime::HttpRoutes& routes, chat::MessageReader& reader, Probe& probe,
                        std::string cluster_secret);

}  // namespace simplechat::sv_persist

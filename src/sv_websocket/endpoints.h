// The gateway's HTTP API, for one reactor: /test, /send, /v1/deliver, and the history endpoints for users.
#pragma once

#include <string>

#include "chat/message_queue.h"
#include "runtime/http.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/session.h"

namespace simplechat::sv_websocket {

// Whether a request may use the endpoints between services.
struct ServiceAccess {
  std::string cluster_secret;  // required as a bearer token unless empty
  bool open_without_secret;    // the listener is bound to loopback
};

struct EndpointParts {
  SessionServices& services;
  Roster& roster;
  chat::MessageQueue& queue;
  ServiceAccess access;
};

// `parts` refers to objects that outlive `routes`.
void add_endpoints(runtime::HttpRoutes& routes, const EndpointParts& parts);

}  // namespace simplechat::sv_websocket

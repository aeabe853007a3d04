// The gateway's HTTP API, for one reactor: /test, /send, /v1/deliver, and the history endpoints for users.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "chat/message_queue.h"
#include "chat/relay.h"
#include "runtime/http.h"
#include "sv_websocket/client_address.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/session.h"
#include "sv_websocket/store_progress.h"

namespace simplechat::sv_websocket {

// Whether a request may use the endpoints between services.
struct ServiceAccess {
  std::string cluster_secret;  // required as a bearer token unless empty
  bool open_without_secret;    // the listener is bound to loopback, or asks for certificates
};

// Error: unauthorized.
[[nodiscard]] chat::Result<void> check_access(const ServiceAccess& access, const runtime::HttpRequest& request);

[[nodiscard]] runtime::HttpResponse error_response(const chat::Error& error);

// Answers another service, if it may ask.
[[nodiscard]] runtime::HttpRoutes::Handler for_service(ServiceAccess access, runtime::HttpRoutes::Handler handler);

// Answers a user: whose token the request carries, or whom it names (?user=) where authentication is off; whom the
// connect hook lets in; and who does not ask more often than may be.
using UserHandler = std::function<boost::asio::awaitable<runtime::HttpResponse>(
    std::string user, const runtime::HttpRequest& request, const std::vector<std::string>& segments)>;
[[nodiscard]] runtime::HttpRoutes::Handler for_user(SessionServices& services, const TrustedProxies& proxies,
                                                    UserHandler handler);

struct EndpointParts {
  SessionServices& services;
  Roster& roster;
  chat::MessageQueue& queue;
  StoreProgress& progress;
  const TrustedProxies& proxies;
  ServiceAccess access;
};

// Gives each delivery of another gateway to the user's sessions here, and moves the clock past them. Returns the
// indexes of those whose user is not here, and has the directory forget that it was.
[[nodiscard]] std::vector<std::size_t> take_deliveries(SessionServices& services, Roster& roster,
                                                       const chat::DeliveryBatch& batch);

// `parts` refers to objects that outlive `routes`. The first are for users, the others for services.
void add_endpoints(runtime::HttpRoutes& routes, const EndpointParts& parts);
void add_service_endpoints(runtime::HttpRoutes& routes, const EndpointParts& parts);

}  // namespace simplechat::sv_websocket

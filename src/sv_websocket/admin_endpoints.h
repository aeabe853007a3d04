// The gateway's part of the admin API: who is here, sending them away, having tokens count no more, and what
// waits. For persons and their tools.
#pragma once

#include "runtime/guarded_routes.h"
#include "sv_websocket/gateway.h"

namespace simplechat::sv_websocket {

// `gateway` outlives the routes.
void add_admin_endpoints(runtime::GuardedRoutes& routes, Gateway& gateway);

}  // namespace simplechat::sv_websocket

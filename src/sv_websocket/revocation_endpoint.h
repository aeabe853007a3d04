// Somebody says that proofs of identity count no more: another service by POST /v1/revocations, a person by
// POST /v1/admin/revocations. For one reactor.
#pragma once

#include "runtime/guarded_routes.h"
#include "runtime/http.h"
#include "sv_websocket/endpoints.h"
#include "sv_websocket/gateway.h"

namespace simplechat::sv_websocket {

// `gateway` outlives the routes.
void add_revocation_endpoint(runtime::HttpRoutes& routes, const ServiceAccess& access, Gateway& gateway);
void add_admin_revocation_endpoint(runtime::GuardedRoutes& routes, Gateway& gateway);

}  // namespace simplechat::sv_websocket

// Who has blocked whom, over HTTP, for one reactor: for users about themselves, for other services and for the admin
// API about anybody.
#pragma once

#include <functional>
#include <string>

#include "chat/blocks.h"
#include "runtime/guarded_routes.h"
#include "runtime/http.h"
#include "sv_websocket/block_table.h"
#include "sv_websocket/endpoints.h"

namespace simplechat::sv_websocket {

struct BlockParts {
  // Ends when it is kept and in force here.
  std::function<chat::Task<chat::Result<void>>(chat::BlockChange)> change;
  std::function<chat::Task<chat::Result<BlockedUsers>>(std::string user)> blocked_by;
};

// What is referred to outlives `routes`.
void add_block_endpoints(runtime::HttpRoutes& routes, SessionServices& services, const TrustedProxies& proxies,
                         const BlockParts& parts);
void add_service_block_endpoints(runtime::HttpRoutes& routes, const ServiceAccess& access, const BlockParts& parts);
void add_admin_block_endpoints(runtime::GuardedRoutes& routes, const BlockParts& parts);

}  // namespace simplechat::sv_websocket

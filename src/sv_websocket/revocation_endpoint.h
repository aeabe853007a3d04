// POST /v1/revocations on the gateway's API, for one reactor: another service says that proofs of identity count no
// more.
#pragma once

#include <chrono>
#include <functional>

#include "chat/clock.h"
#include "chat/revocations.h"
#include "runtime/http.h"
#include "sv_websocket/endpoints.h"

namespace simplechat::sv_websocket {

struct RevocationParts {
  ServiceAccess access;
  chat::HybridLogicalClock& clock;
  // Ends when it is kept and in force; empty where nobody shows tokens.
  std::function<chat::Task<chat::Result<void>>(chat::Revocation)> revoke;
  std::chrono::milliseconds keep;  // for how long one is kept that does not say so itself
};

// `parts` refers to objects that outlive `routes`.
void add_revocation_endpoint(runtime::HttpRoutes& routes, const RevocationParts& parts);

}  // namespace simplechat::sv_websocket

// The endpoints that every service has: GET /healthz, GET /readyz and GET /metrics.
#pragma once

#include "runtime/dependency.h"
#include "runtime/http.h"
#include "runtime/metrics.h"

namespace simplechat::runtime {

// /healthz answers 200 as long as the process serves at all. /readyz answers 200, or 503 with what is missing:
// {"status":"error","code":"unavailable","message":"...","missing":[{"name":"redis","reason":"..."}]}.
// `readiness` and `metrics` outlive the routes.
void add_service_routes(HttpRoutes& routes, const Readiness& readiness, const MetricsRegistry& metrics);

// The answer to GET /readyz.
[[nodiscard]] HttpResponse readiness_response(const Readiness& readiness);

}  // namespace simplechat::runtime

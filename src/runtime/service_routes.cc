#include "runtime/service_routes.h"

#include "runtime/json_text.h"

namespace simplechat::runtime {
namespace {

HttpResponse success() { return {.body = R"({"status":"success"})"}; }

}  // namespace

HttpResponse readiness_response(const Readiness& readiness) {
  std::string names;
  std::string missing;
  const auto add = [&](std::string_view name, std::string_view reason) {
    names += names.empty() ? "" : ", ";
    names += name;
    missing += missing.empty() ? R"({"name":)" : R"(,{"name":)";
    append_json_string(missing, name);
    missing += R"(,"reason":)";
    append_json_string(missing, reason);
    missing += '}';
  };
  if (readiness.draining()) add("draining", "the process is shutting down, or was told to send its users away");
  for (const Dependency::State& state : readiness.states()) {
    if (!state.up) add(state.name, state.reason);
  }
  if (missing.empty()) return success();
  HttpResponse response = http_error(503, "unavailable", "not ready: " + names);
  response.body.pop_back();  // the closing brace
  response.body += R"(,"missing":[)" + missing + "]}";
  return response;
}

void add_service_routes(HttpRoutes& routes, const Readiness& readiness, const MetricsRegistry& metrics) {
  using Segments = std::vector<std::string>;
  using Answer = boost::asio::awaitable<HttpResponse>;
  routes.add("GET", "/healthz", [](const HttpRequest&, const Segments&) -> Answer { co_return success(); });
  routes.add("GET", "/readyz",
             [&readiness](const HttpRequest&, const Segments&) -> Answer { co_return readiness_response(readiness); });
  routes.add("GET", "/metrics",
             [&metrics](const HttpRequest&, const Segments&) -> Answer { co_return metrics_response(metrics); });
}

}  // namespace simplechat::runtime

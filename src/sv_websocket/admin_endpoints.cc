#include "sv_websocket/admin_endpoints.h"

#include <charconv>
#include <string>
#include <utility>

#include "chat/ids.h"
#include "runtime/log.h"
#include "sv_websocket/block_endpoints.h"
#include "sv_websocket/revocation_endpoint.h"
#include "wire/admin_body.h"
#include "wire/json.h"

namespace simplechat::sv_websocket {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using Segments = std::vector<std::string>;
using Answer = boost::asio::awaitable<HttpResponse>;

constexpr std::size_t kPageSize = 100;
constexpr std::size_t kPageSizeMax = 1000;

// {"status":"success", and what is added.
class Body {
 public:
  Body& text(std::string_view key, std::string_view value) {
    wire::append_json_string(begin(key), value);
    return *this;
  }
  Body& number(std::string_view key, std::size_t value) {
    wire::append_json_integer(begin(key), static_cast<std::int64_t>(value));
    return *this;
  }
  Body& raw(std::string_view key, std::string_view json) {
    begin(key).append(json);
    return *this;
  }
  [[nodiscard]] HttpResponse response() const { return {.body = json_ + "}"}; }

 private:
  std::string& begin(std::string_view key) {
    json_ += ',';
    wire::append_json_string(json_, key);
    return json_ += ':';
  }

  std::string json_ = R"({"status":"success")";
};

std::string array_of(const std::vector<SessionInfo>& sessions, std::string_view gateway) {
  std::string json = "[";
  const auto text = [&json](std::string_view begin, std::string_view value) {
    json += begin;
    wire::append_json_string(json, value);
  };
  const auto number = [&json](std::string_view begin, std::size_t value) {
    json += begin;
    wire::append_json_integer(json, static_cast<std::int64_t>(value));
  };
  for (const SessionInfo& each : sessions) {
    if (json.size() > 1) json += ',';
    text(R"({"user":)", each.user);
    text(R"(,"session":)", each.session);
    text(R"(,"gateway":)", gateway);
    text(R"(,"device":)", each.device);
    text(R"(,"address":)", each.address);
    number(R"(,"registeredForS":)", each.registered_for_s);
    number(R"(,"silentForS":)", each.silent_for_s);
    number(R"(,"unsentBytes":)", each.unsent_bytes);
    json += '}';
  }
  return json + "]";
}

HttpResponse status_response(const Gateway::Status& status) {
  return Body()
      .text("gateway", status.url)
      .number("connections", status.connections)
      .number("sessions", status.sessions)
      .number("users", status.users)
      .raw("draining", status.draining ? "true" : "false")
      .response();
}

Answer users(Gateway& gateway) { co_return status_response(co_await gateway.status()); }

Answer sessions(Gateway& gateway, const HttpRequest& request) {
  std::size_t limit = kPageSize;
  if (const auto asked = request.query("limit")) {
    const auto [end, error] = std::from_chars(asked->data(), asked->data() + asked->size(), limit);
    if (error != std::errc() || end != asked->data() + asked->size() || limit == 0 || limit > kPageSizeMax) {
      co_return error_response({chat::ErrorCode::bad_frame, "limit must be a number from 1 to 1000"});
    }
  }
  const auto page = co_await gateway.sessions(request.query("after").value_or(""), limit);
  if (!page) co_return error_response(page.error());
  co_return Body().raw("sessions", array_of(page->sessions, gateway.url())).text("next", page->next).response();
}

Answer sessions_of(Gateway& gateway, const std::string& user) {
  if (!chat::is_user_id(user)) co_return error_response({chat::ErrorCode::bad_frame, "that is not a user id"});
  const std::vector<SessionInfo> found = co_await gateway.sessions_of(user);
  co_return Body().raw("sessions", array_of(found, gateway.url())).response();
}

Answer disconnect(Gateway& gateway, const HttpRequest& request) {
  const auto asked = wire::parse_disconnect(request.body);
  if (!asked) co_return error_response(asked.error());
  const std::size_t count = co_await gateway.disconnect(asked->user, asked->session);
  runtime::log::info("admin_disconnect", {{"user", asked->user}, {"session", asked->session}, {"sessions", count}});
  co_return Body().number("disconnected", count).response();
}

Answer drain(Gateway& gateway, const HttpRequest& request) {
  const auto time = wire::parse_drain(request.body);
  if (!time) co_return error_response(time.error());
  runtime::log::info("admin_drain", {{"ms", time->count()}});
  gateway.start_drain(*time);
  co_return status_response(co_await gateway.status());
}

Answer cancel_drain(Gateway& gateway) {
  runtime::log::info("admin_drain_cancelled");
  gateway.cancel_drain();
  co_return status_response(co_await gateway.status());
}

Answer queues(Gateway& gateway) {
  const Gateway::Waiting waiting = co_await gateway.waiting();
  std::string json = "[";
  const auto add = [&](std::string_view queue, std::string_view unit, std::size_t depth, std::size_t bound) {
    if (json.size() > 1) json += ',';
    json.append(R"({"queue":")").append(queue).append(R"(","unit":")").append(unit).append(R"(","waiting":)");
    wire::append_json_integer(json, static_cast<std::int64_t>(depth));
    json += R"(,"bound":)";
    wire::append_json_integer(json, static_cast<std::int64_t>(bound));
    json += '}';
  };
  add("unconfirmed", "bytes", waiting.depths.unconfirmed_bytes, waiting.bounds.unconfirmed_bytes);
  add("approvals", "bytes", waiting.depths.approval_bytes, waiting.bounds.approval_bytes);
  add("lookup", "bytes", waiting.depths.lookup_bytes, waiting.bounds.lookup_bytes);
  add("relay", "bytes", waiting.depths.relay_bytes, waiting.bounds.relay_bytes);
  add("acks", "items", waiting.depths.acks, waiting.bounds.acks);
  add("resyncs", "items", waiting.depths.resyncs, waiting.bounds.resyncs);
  co_return Body().raw("queues", json + "]").response();
}

}  // namespace

void add_admin_endpoints(runtime::GuardedRoutes& routes, Gateway& gateway) {
  routes.add("GET", "/v1/admin/users", [&gateway](const HttpRequest&, const Segments&) { return users(gateway); });
  routes.add("GET", "/v1/admin/sessions",
             [&gateway](const HttpRequest& request, const Segments&) { return sessions(gateway, request); });
  routes.add("GET", "/v1/admin/sessions/:user",
             [&gateway](const HttpRequest&, const Segments& segments) { return sessions_of(gateway, segments[0]); });
  routes.add("POST", "/v1/admin/disconnect",
             [&gateway](const HttpRequest& request, const Segments&) { return disconnect(gateway, request); });
  routes.add("POST", "/v1/admin/drain",
             [&gateway](const HttpRequest& request, const Segments&) { return drain(gateway, request); });
  routes.add("DELETE", "/v1/admin/drain",
             [&gateway](const HttpRequest&, const Segments&) { return cancel_drain(gateway); });
  routes.add("GET", "/v1/admin/queues", [&gateway](const HttpRequest&, const Segments&) { return queues(gateway); });
  add_admin_block_endpoints(routes, gateway.block_parts());
  add_admin_revocation_endpoint(routes, gateway);
}

}  // namespace simplechat::sv_websocket

#include "sv_websocket/endpoints.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/trace.h"
#include "sv_websocket/admission.h"
#include "sv_websocket/hub.h"
#include "sv_websocket/registrar.h"
#include "sv_websocket/router.h"
#include "wire/delivery_body.h"
#include "wire/http_status.h"
#include "wire/json.h"
#include "wire/pages_body.h"
#include "wire/query_params.h"
#include "wire/send_body.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

namespace asio = boost::asio;
using runtime::HttpRequest;
using runtime::HttpResponse;
using Segments = std::vector<std::string>;
using Answer = asio::awaitable<HttpResponse>;

std::string_view bearer_token(const HttpRequest& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view header = request.authorization;
  return header.starts_with(kScheme) ? header.substr(kScheme.size()) : std::string_view{};
}

// Ends when the ticket's parts are done, or after Handovers::kWaitMax.
asio::awaitable<void> handed_over(Handovers& handovers, Handovers::Ticket ticket) {
  struct Signal {
    asio::steady_timer timer;
    bool given = false;
  };
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto signal = std::make_shared<Signal>(asio::steady_timer(executor, asio::steady_timer::time_point::max()));
  handovers.when_done(ticket, std::chrono::steady_clock::now(), [signal] {
    signal->given = true;
    signal->timer.cancel();
  });
  boost::system::error_code cancelled;
  if (!signal->given) co_await signal->timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

// Publishes and delivers messages of another service; each gets its time, and an id if it has none.
Answer send(const EndpointParts& parts, const HttpRequest& request) {
  auto messages = wire::parse_send_body(request.body);
  if (!messages) co_return error_response(messages.error());
  SessionServices& services = parts.services;
  chat::RecordBatch records;
  for (chat::Message& message : *messages) {
    if (message.to.starts_with('#')) co_return error_response({chat::ErrorCode::not_found, "there is no such group"});
    if (const chat::Error* const refusal = services.contacts.refusal(message.from, message.to)) {
      services.probe.blocked(Blocked::message);
      co_return error_response(
          {refusal->code, fmt::format("message {}, to {}: {}", records.messages.size(), message.to, refusal->message)});
    }
    message.at = services.clock.now();
    if (message.id.empty()) message.id = fmt::format("{:x}-{}", message.at, services.instance_id);
    records.messages.add(message.view());
  }
  Handovers& handovers = services.router.handovers();
  const StoreProgress::Publishing publishing = parts.progress.begin();
  const Handovers::Ticket ticket = handovers.open();
  for (const chat::MessageView message : records.messages) {
    if (runtime::trace::any()) runtime::trace::event("message_accepted", message.id, message.from, message.to);
    route_message(services, message, {}, ticket);
  }
  handovers.done(ticket);
  const auto durable = co_await parts.queue.publish(records);
  parts.progress.end(publishing, records.messages, durable.has_value());
  if (!durable) co_return error_response(durable.error());
  if (runtime::trace::any()) {
    for (const chat::MessageView message : records.messages) {
      runtime::trace::event("message_published", message.id, message.from, message.to);
    }
  }
  co_await handed_over(handovers, ticket);
  HttpResponse response;
  response.body = R"({"status":"success","acks":[)";
  for (const chat::MessageView message : records.messages) {
    if (response.body.back() != '[') response.body += ',';
    wire::append_ack(response.body, message.id, message.to, message.at);
  }
  response.body += "]}";
  co_return response;
}

// Takes the deliveries of another gateway.
Answer deliver(const EndpointParts& parts, const HttpRequest& request) {
  chat::DeliveryBatch batch;
  const auto parsed = wire::parse_delivery_body(request.body, batch);
  if (!parsed) co_return error_response(parsed.error());
  const std::vector<std::size_t> absent = take_deliveries(parts.services, parts.roster, batch);
  HttpResponse response;
  wire::append_delivery_answer(response.body, absent);
  co_return response;
}

wire::QueryParameters parameters_of(const HttpRequest& request) {
  return [&request](std::string_view name) { return request.query(name); };
}

// The user whose token the request carries, or whom it names where authentication is off; and whom the hook lets in.
chat::Task<chat::Result<std::string>> user_of(SessionServices& services, const TrustedProxies& proxies,
                                              const HttpRequest& request) {
  std::string claimed;
  if (request.query("user")) {
    auto named = wire::parse_query_user(parameters_of(request));
    if (!named) co_return named;
    claimed = std::move(*named);
  }
  auto identity = services.gatekeeper.admit(claimed, bearer_token(request));
  if (!identity) co_return std::unexpected(std::move(identity).error());
  if (services.connect_hook == nullptr) co_return std::move(identity->user);
  const IpAddress client = client_of(proxies, request);
  co_return co_await services.connect_hook->ask(
      {.user = std::move(identity->user),
       .token = std::string(bearer_token(request)),
       .remote_address = client.known() ? client.text() : request.remote_address});
}

// The answer to a user who asks more often than may be; nullopt: he may ask.
std::optional<HttpResponse> check_rate(SessionServices& services, const std::string& user) {
  if (services.clients == nullptr) return std::nullopt;
  const std::uint32_t wait_ms = services.clients->requests.take(user, kFrameUnits, services.turn_clock.now_ms());
  if (wait_ms == 0) return std::nullopt;
  services.probe.limited(Limit::user_requests);
  HttpResponse response = error_response({chat::ErrorCode::rate_limited, "too many requests; ask again later"});
  response.headers.emplace_back("Retry-After", fmt::to_string((wait_ms + 999) / 1000));
  return response;
}

Answer history(SessionServices& services, std::string user, const HttpRequest& request) {
  const auto query = wire::parse_history_query(std::move(user), parameters_of(request));
  if (!query) co_return error_response(query.error());
  const auto page = co_await services.reader.history(*query);
  if (!page) co_return error_response(page.error());
  co_return HttpResponse{.body = wire::encode_history_page(query->with, *page)};
}

Answer conversations(SessionServices& services, std::string user, const HttpRequest& request) {
  const auto query = wire::parse_conversations_query(std::move(user), parameters_of(request));
  if (!query) co_return error_response(query.error());
  const auto page = co_await services.reader.conversations(*query);
  if (!page) co_return error_response(page.error());
  co_return HttpResponse{.body = wire::encode_conversations_page(*page)};
}

Answer sync(SessionServices& services, std::string user, const HttpRequest& request) {
  const auto query = wire::parse_sync_query(std::move(user), parameters_of(request));
  if (!query) co_return error_response(query.error());
  const auto page = co_await services.reader.sync(*query);
  if (!page) co_return error_response(page.error());
  co_return HttpResponse{.body = wire::encode_sync_page(*page)};
}

Answer answer_user(SessionServices& services, const TrustedProxies& proxies, const HttpRequest& request,
                   const Segments& segments, const UserHandler& handler) {
  auto user = co_await user_of(services, proxies, request);
  if (!user) co_return error_response(user.error());
  if (auto refusal = check_rate(services, *user)) co_return std::move(*refusal);
  co_return co_await handler(std::move(*user), request, segments);
}

Answer health_test() { co_return HttpResponse{.content_type = "text/plain", .body = "Health test"}; }

Answer refuse(HttpResponse response) { co_return response; }

}  // namespace

HttpResponse error_response(const chat::Error& error) {
  return runtime::http_error(wire::http_status(error.code), chat::to_string(error.code), error.message);
}

runtime::HttpRoutes::Handler for_service(ServiceAccess access, runtime::HttpRoutes::Handler handler) {
  return
      [access = std::move(access), handler = std::move(handler)](const HttpRequest& request, const Segments& segments) {
        const auto granted = check_access(access, request);
        return granted ? handler(request, segments) : refuse(error_response(granted.error()));
      };
}

runtime::HttpRoutes::Handler for_user(SessionServices& services, const TrustedProxies& proxies, UserHandler handler) {
  return [&services, &proxies, handler = std::move(handler)](const HttpRequest& request, const Segments& segments) {
    return answer_user(services, proxies, request, segments, handler);
  };
}

chat::Result<void> check_access(const ServiceAccess& access, const HttpRequest& request) {
  if (access.cluster_secret.empty()) {
    if (access.open_without_secret) return {};
    return chat::fail(chat::ErrorCode::unauthorized, "this endpoint is closed: no cluster secret is configured");
  }
  const std::string_view token = bearer_token(request);
  // In constant time, so that answering does not tell how much of a guess was right.
  if (token.size() == access.cluster_secret.size() &&
      CRYPTO_memcmp(token.data(), access.cluster_secret.data(), token.size()) == 0) {
    return {};
  }
  return chat::fail(chat::ErrorCode::unauthorized, "the cluster secret is missing or wrong");
}

std::vector<std::size_t> take_deliveries(SessionServices& services, Roster& roster, const chat::DeliveryBatch& batch) {
  services.clock.observe(batch.latest_at());
  std::vector<std::size_t> absent;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (services.router.deliver_here(batch[i], {})) continue;
    absent.push_back(i);
    // The directory sent it here: it holds a record that is not, or no longer, true.
    const Roster::Change change = roster.confirm(batch[i].user);
    if (!change.present) services.registrar.release(std::string(batch[i].user), change.fence);
  }
  return absent;
}

void add_endpoints(runtime::HttpRoutes& routes, const EndpointParts& parts) {
  routes.add("GET", "/test", [](const HttpRequest&, const Segments&) { return health_test(); });

  const auto page = [&routes, &parts](const char* path,
                                      Answer (*read)(SessionServices&, std::string, const HttpRequest&)) {
    routes.add(
        "GET", path,
        for_user(parts.services, parts.proxies,
                 [&services = parts.services, read](std::string user, const HttpRequest& request, const Segments&) {
                   return read(services, std::move(user), request);
                 }));
  };
  page("/v1/history", history);
  page("/v1/conversations", conversations);
  page("/v1/sync", sync);
}

void add_service_endpoints(runtime::HttpRoutes& routes, const EndpointParts& parts) {
  const auto add = [&routes, parts](const char* path, Answer (*answer)(const EndpointParts&, const HttpRequest&)) {
    routes.add("POST", path, for_service(parts.access, [parts, answer](const HttpRequest& request, const Segments&) {
                 return answer(parts, request);
               }));
  };
  add("/send", send);
  add("/v1/deliver", deliver);
}

}  // namespace simplechat::sv_websocket

#include "sv_websocket/revocation_endpoint.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/log.h"
#include "wire/revocation_body.h"

namespace simplechat::sv_websocket {
namespace {

using Answer = boost::asio::awaitable<runtime::HttpResponse>;

chat::Task<chat::Result<chat::Revocation>> revoke(Gateway& gateway, std::string_view body, std::string_view event) {
  auto asked = wire::parse_revocation_request(body);
  if (!asked) co_return std::unexpected(asked.error());
  auto kept = co_await gateway.revoke(*std::move(asked));
  if (!kept) co_return kept;
  const bool of_user = kept->what == chat::Revoked::user;
  const std::string user = of_user ? kept->subject : "";  // a token's id is nobody's business in a log
  runtime::log::info(event, {{"what", of_user ? "user" : "token"}, {"user", user}});
  co_return kept;
}

Answer revoke_for_service(Gateway& gateway, const runtime::HttpRequest& request) {
  const auto kept = co_await revoke(gateway, request.body, "revoked");
  co_return kept ? runtime::HttpResponse{.body = R"({"status":"success"})"} : error_response(kept.error());
}

Answer revoke_for_person(Gateway& gateway, const runtime::HttpRequest& request) {
  const auto kept = co_await revoke(gateway, request.body, "admin_revoked");
  co_return kept ? runtime::HttpResponse{.body = wire::encode_kept(*kept)} : error_response(kept.error());
}

}  // namespace

void add_revocation_endpoint(runtime::HttpRoutes& routes, const ServiceAccess& access, Gateway& gateway) {
  routes.add("POST", "/v1/revocations",
             for_service(access, [&gateway](const runtime::HttpRequest& request, const std::vector<std::string>&) {
               return revoke_for_service(gateway, request);
             }));
}

void add_admin_revocation_endpoint(runtime::GuardedRoutes& routes, Gateway& gateway) {
  routes.add("POST", "/v1/admin/revocations",
             [&gateway](const runtime::HttpRequest& request, const std::vector<std::string>&) {
               return revoke_for_person(gateway, request);
             });
}

}  // namespace simplechat::sv_websocket

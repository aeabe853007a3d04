#include "sv_websocket/revocation_endpoint.h"

#include <string>
#include <utility>
#include <vector>

#include "runtime/log.h"
#include "wire/revocation_body.h"

namespace simplechat::sv_websocket {
namespace {

using Answer = boost::asio::awaitable<runtime::HttpResponse>;

constexpr chat::Timestamp kMicrosecondsPerSecond = 1'000'000;

Answer revoke(const RevocationParts& parts, const runtime::HttpRequest& request) {
  if (!parts.revoke) {
    co_return error_response({chat::ErrorCode::not_found, "there are no tokens here to revoke: see --auth jwt"});
  }
  auto asked = wire::parse_revocation_request(request.body);
  if (!asked) co_return error_response(asked.error());
  const std::int64_t now_s = parts.clock.read() / kMicrosecondsPerSecond;
  const auto keep_s = std::chrono::duration_cast<std::chrono::seconds>(parts.keep).count();
  chat::Revocation revocation{.what = asked->what,
                              .subject = std::move(asked->subject),
                              .issued_until_s = 0,
                              .kept_until_s = asked->kept_until_s.value_or(now_s + keep_s)};
  if (revocation.what == chat::Revoked::user) revocation.issued_until_s = asked->issued_until_s.value_or(now_s);
  if (revocation.kept_until_s <= now_s) {
    co_return error_response({chat::ErrorCode::bad_frame, "\"until\" has passed already"});
  }
  const bool of_user = revocation.what == chat::Revoked::user;
  const std::string subject = of_user ? revocation.subject : "";  // a token's id is nobody's business in a log
  const auto kept = co_await parts.revoke(std::move(revocation));
  if (!kept) co_return error_response(kept.error());
  runtime::log::info("revoked", {{"what", of_user ? "user" : "token"}, {"user", subject}});
  co_return runtime::HttpResponse{.body = R"({"status":"success"})"};
}

}  // namespace

void add_revocation_endpoint(runtime::HttpRoutes& routes, const RevocationParts& parts) {
  routes.add("POST", "/v1/revocations",
             for_service(parts.access, [parts](const runtime::HttpRequest& request, const std::vector<std::string>&) {
               return revoke(parts, request);
             }));
}

}  // namespace simplechat::sv_websocket

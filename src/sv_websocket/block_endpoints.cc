#include "sv_websocket/block_endpoints.h"

#include <utility>
#include <vector>

#include "chat/ids.h"
#include "runtime/log.h"
#include "wire/block_body.h"

namespace simplechat::sv_websocket {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using Segments = std::vector<std::string>;
using Answer = boost::asio::awaitable<HttpResponse>;

Answer change(const BlockParts& parts, chat::BlockChange change) {
  const auto checked = wire::check_block(change.user, change.blocked);
  if (!checked) co_return error_response(checked.error());
  const auto kept = co_await parts.change(std::move(change));
  if (!kept) co_return error_response(kept.error());
  co_return HttpResponse{.body = R"({"status":"success"})"};
}

Answer list(const BlockParts& parts, std::string user) {
  if (!chat::is_user_id(user)) {
    co_return error_response({chat::ErrorCode::bad_frame, "who blocks must be a user id"});
  }
  const auto blocked = co_await parts.blocked_by(user);
  if (!blocked) co_return error_response(blocked.error());
  co_return HttpResponse{.body = wire::encode_blocked(user, *blocked)};
}

Answer change_as_admin(const BlockParts& parts, chat::BlockChange each) {
  runtime::log::info(each.present ? "admin_block" : "admin_unblock", {{"user", each.user}, {"blocked", each.blocked}});
  return change(parts, std::move(each));
}

// The two users as they stand in a path.
chat::BlockChange named(const Segments& segments, bool present) {
  return {.user = segments[0], .blocked = segments[1], .present = present};
}

}  // namespace

void add_block_endpoints(runtime::HttpRoutes& routes, SessionServices& services, const TrustedProxies& proxies,
                         const BlockParts& parts) {
  const auto change_to = [parts](bool present) -> UserHandler {
    return [parts, present](std::string user, const HttpRequest&, const Segments& segments) {
      return change(parts, {.user = std::move(user), .blocked = segments[0], .present = present});
    };
  };
  routes.add("PUT", "/v1/blocks/:other", for_user(services, proxies, change_to(true)));
  routes.add("DELETE", "/v1/blocks/:other", for_user(services, proxies, change_to(false)));
  routes.add("GET", "/v1/blocks",
             for_user(services, proxies, [parts](std::string user, const HttpRequest&, const Segments&) {
               return list(parts, std::move(user));
             }));
}

void add_service_block_endpoints(runtime::HttpRoutes& routes, const ServiceAccess& access, const BlockParts& parts) {
  const auto change_to = [&access, parts](bool present) {
    return for_service(access, [parts, present](const HttpRequest&, const Segments& segments) {
      return change(parts, named(segments, present));
    });
  };
  routes.add("PUT", "/v1/users/:user/blocks/:other", change_to(true));
  routes.add("DELETE", "/v1/users/:user/blocks/:other", change_to(false));
  routes.add(
      "GET", "/v1/users/:user/blocks",
      for_service(access, [parts](const HttpRequest&, const Segments& segments) { return list(parts, segments[0]); }));
}

void add_admin_block_endpoints(runtime::GuardedRoutes& routes, const BlockParts& parts) {
  const auto change_to = [parts](bool present) {
    return [parts, present](const HttpRequest&, const Segments& segments) {
      return change_as_admin(parts, named(segments, present));
    };
  };
  routes.add("PUT", "/v1/admin/blocks/:user/:other", change_to(true));
  routes.add("DELETE", "/v1/admin/blocks/:user/:other", change_to(false));
  routes.add("GET", "/v1/admin/blocks/:user",
             [parts](const HttpRequest&, const Segments& segments) { return list(parts, segments[0]); });
}

}  // namespace simplechat::sv_websocket

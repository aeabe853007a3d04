#include "sv_websocket/static_files.h"

#include <algorithm>

namespace simplechat::sv_websocket {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;

// No script or style but our own files, no connection but to a WebSocket or our own origin, and nobody may frame the
// page.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

HttpResponse file_response(std::span<const StaticFile> files, std::string_view name) {
  const auto file = std::ranges::find(files, name, &StaticFile::name);
  if (file == files.end()) return runtime::http_error(404, "not_found", "there is no such file");
  return {.status = 200,
          .content_type = std::string(file->content_type),
          .body = std::string(file->bytes),
          .headers = {{"Content-Security-Policy", std::string(kContentSecurityPolicy)},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-cache"}}};
}

}  // namespace

void add_static_files(runtime::HttpRoutes& routes, std::span<const StaticFile> files) {
  const auto index = [files](const HttpRequest&,
                             const std::vector<std::string>&) -> boost::asio::awaitable<HttpResponse> {
    co_return file_response(files, "index.html");
  };
  routes.add("GET", "/client", index);
  routes.add("GET", "/client/", index);
  routes.add(
      "GET", "/client/:file",
      [files](const HttpRequest&, const std::vector<std::string>& segments) -> boost::asio::awaitable<HttpResponse> {
        co_return file_response(files, segments.at(0));
      });
}

}  // namespace simplechat::sv_websocket

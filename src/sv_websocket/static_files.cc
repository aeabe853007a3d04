#include "sv_websocket/static_files.h"

#include <fmt/format.h>

#include <algorithm>

namespace simplechat::sv_websocket {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;

// No script or style but our own files, no text made into script or markup by any script, no connection but to a
// WebSocket or our own origin, and nobody may frame the page.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types simplechat-sw";

constexpr std::string_view kVersionedDirectory = "assets/";
constexpr std::string_view kScope = "/client";  // of the service worker: also the page at /client without a slash

HttpResponse file_response(const StaticFile& file, const HttpRequest& request) {
  const std::string etag = fmt::format("W/\"{}\"", file.version);
  const bool is_versioned = file.name.starts_with(kVersionedDirectory);
  HttpResponse response{
      .content_type = std::string(file.content_type),
      .headers = {{"Content-Security-Policy", std::string(kContentSecurityPolicy)},
                  {"X-Content-Type-Options", "nosniff"},
                  {"Referrer-Policy", "no-referrer"},
                  {"Cross-Origin-Opener-Policy", "same-origin"},
                  {"Service-Worker-Allowed", std::string(kScope)},
                  {"Cache-Control", is_versioned ? "public, max-age=31536000, immutable" : "no-cache"},
                  {"Vary", "Accept-Encoding"},
                  {"ETag", etag}}};
  if (request.if_none_match == etag) {
    response.status = 304;
  } else if (!file.gzip.empty() && runtime::accepts_gzip(request.accept_encoding)) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = file.gzip;
  } else {
    response.body = file.bytes;
  }
  return response;
}

}  // namespace

void add_static_files(runtime::HttpRoutes& routes, std::span<const StaticFile> files) {
  routes.add("GET", "/client/*",
             [files](const HttpRequest& request,
                     const std::vector<std::string>& segments) -> boost::asio::awaitable<HttpResponse> {
               const std::string_view name = segments.at(0).empty() ? "index.html" : std::string_view(segments.at(0));
               const auto file = std::ranges::find(files, name, &StaticFile::name);
               if (file == files.end()) co_return runtime::http_error(404, "not_found", "there is no such file");
               co_return file_response(*file, request);
             });
}

}  // namespace simplechat::sv_websocket

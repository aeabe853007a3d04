// Files that are built into the binary and served as they are: the web client.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/http.h"

namespace simplechat::sv_websocket {

struct StaticFile {
  std::string_view name;  // e.g. app.js
  std::string_view content_type;
  std::string_view bytes;
};

// Serves `files` under /client/<name>, and index.html also as /client and /client/. Only these exact names exist: no
// path reaches a file system.
void add_static_files(runtime::HttpRoutes& routes, std::span<const StaticFile> files);

}  // namespace simplechat::sv_websocket

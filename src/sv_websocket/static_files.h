// Files that are built into the binary and served as they are: the web client.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/http.h"

namespace simplechat::sv_websocket {

struct StaticFile {
  std::string_view name;  // e.g. index.html, or assets/app-Dk3x.js
  std::string_view content_type;
  std::string_view version;  // changes with `bytes`; printable ASCII without quotes
  std::string_view bytes;
  std::string_view gzip;  // of `bytes` (RFC 1952); empty where that would not be shorter
};

// Serves `files` under /client/<name>, and index.html also as /client and /client/. Only these exact names exist: no
// path reaches a file system. What is under assets/ carries its version in its name and is kept by browsers for good;
// for the rest they ask each time, and are told if it is unchanged (RFC 9110 13.1.2).
void add_static_files(runtime::HttpRoutes& routes, std::span<const StaticFile> files);

}  // namespace simplechat::sv_websocket

// How the application sees that a hook's request is from a gateway, unaltered and fresh:
//
//   X-SimpleChat-Timestamp: <seconds since the Unix epoch>
//   X-SimpleChat-Signature: sha256=<hex of HMAC-SHA256(secret, timestamp "." body)>
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simplechat::adapters::hook_http {

// These headers. `secret` is not empty.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> signature_headers(std::string_view secret,
                                                                                 std::int64_t now_s,
                                                                                 std::string_view body);

}  // namespace simplechat::adapters::hook_http

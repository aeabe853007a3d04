// Bodies of sv-discover's batched endpoints, both directions. Pure.
//
//   POST /v1/renew    {"gateway":{"url","incarnation"},"leaseMs":10000}
//                     {"status":"success","opening":"5f0c9a6e31d2b874","deaths":0,"now":1732400000000000}
//   POST /v1/apply    {"gateway":{...},"changes":[{"user","present":true,"fence":7},...]}
//                     {"status":"success","now":1732400000000000}
//   POST /v1/locate   {"users":["alice",...]}
//                     {"status":"success","gateways":[["http://..."],[]]}
//   POST /v1/close    {"gateway":{...}}
//                     {"status":"success"}
//
// and the original's:
//
//   POST /set         {"key","value"}
//   DELETE /del       {"key"}
//   GET /get/:key     {"status":"success","value":"<url>"|null}
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/directory.h"
#include "chat/error.h"

namespace simplechat::wire {

inline constexpr std::size_t kDirectoryBatchMax = 10'000;  // users or changes in one call; beyond: too_large
inline constexpr std::size_t kGatewayUrlBytesMax = 256;
inline constexpr std::size_t kOpeningBytesMax = 64;
inline constexpr std::chrono::milliseconds kLeaseMin{100};
inline constexpr std::chrono::milliseconds kLeaseMax{600'000};

struct RenewRequest {
  chat::GatewayIdentity gateway;
  std::chrono::milliseconds lease;
};
struct ApplyRequest {
  chat::GatewayIdentity gateway;
  std::vector<chat::RecordChange> changes;
};
struct KeyValue {
  std::string key;
  std::string value;
};

// Requests. The parsers validate user ids, incarnation, url (http://... or https://...) and ranges: bad_json,
// bad_frame, too_large.
[[nodiscard]] std::string encode_renew(const chat::GatewayIdentity& gateway, std::chrono::milliseconds lease);
[[nodiscard]] chat::Result<RenewRequest> parse_renew(std::string_view body);
[[nodiscard]] std::string encode_apply(const chat::GatewayIdentity& gateway,
                                       std::span<const chat::RecordChange> changes);
[[nodiscard]] chat::Result<ApplyRequest> parse_apply(std::string_view body);
[[nodiscard]] std::string encode_locate(std::span<const std::string> users);
[[nodiscard]] chat::Result<std::vector<std::string>> parse_locate(std::string_view body);
[[nodiscard]] std::string encode_close(const chat::GatewayIdentity& gateway);
[[nodiscard]] chat::Result<chat::GatewayIdentity> parse_close(std::string_view body);
[[nodiscard]] chat::Result<KeyValue> parse_set(std::string_view body);  // a key may be a JSON integer
[[nodiscard]] chat::Result<std::string> parse_del(std::string_view body);

// Answers.
[[nodiscard]] std::string encode_success();
[[nodiscard]] std::string encode_applied(chat::Timestamp now);
[[nodiscard]] chat::Result<chat::Timestamp> parse_applied(std::string_view body);  // 0 if it tells no time
[[nodiscard]] std::string encode_lease_state(const chat::LeaseState& state);
[[nodiscard]] chat::Result<chat::LeaseState> parse_lease_state(std::string_view body);
[[nodiscard]] std::string encode_locations(const chat::Locations& locations);
[[nodiscard]] chat::Result<chat::Locations> parse_locations(std::string_view body);
[[nodiscard]] std::string encode_value(const std::string* url_or_null);

}  // namespace simplechat::wire

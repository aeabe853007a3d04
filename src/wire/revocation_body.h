// Bodies about revocations, both directions. Pure. A revocation is
//
//   {"user":"alice","issuedUntil":1732400000,"until":1734992000}   or   {"jti":"3f0c","until":1734992000}
//
// with times in seconds since the Unix epoch.
//
//   gateway       POST /v1/revocations   one, of which only `user` or `jti` must be given
//                                        {"status":"success"}
//                 POST /v1/admin/revocations   the same; {"status":"success", and the revocation as it is kept
//   sv-discover   POST /v1/revoke        {"revocations":[...]}
//                                        {"status":"success"}
//                 POST /v1/revocations   {"since":"<version>"}
//                                        {"status":"success","version":"...","all":false,"more":false,"revocations":[...]}
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/revocations.h"

namespace simplechat::wire {

inline constexpr std::size_t kTokenIdBytesMax = 256;
inline constexpr std::int64_t kSecondsMax = 253'402'300'799;  // the year 9999

struct RevocationRequest {
  chat::Revoked what;
  std::string subject;
  std::optional<std::int64_t> issued_until_s;
  std::optional<std::int64_t> kept_until_s;
};

// The parsers' errors: bad_json, bad_frame, too_large.
[[nodiscard]] chat::Result<RevocationRequest> parse_revocation_request(std::string_view body);

// What is kept of a request at the time `now_s`, for `keep_s` if it does not say until when. bad_frame if that has
// passed.
[[nodiscard]] chat::Result<chat::Revocation> revocation_of(RevocationRequest request, std::int64_t now_s,
                                                           std::int64_t keep_s);
[[nodiscard]] std::string encode_kept(const chat::Revocation& revocation);

[[nodiscard]] std::string encode_revoke(std::span<const chat::Revocation> revocations);
[[nodiscard]] chat::Result<std::vector<chat::Revocation>> parse_revoke(std::string_view body);

// What is asked: wire/changes_body.h.
[[nodiscard]] std::string encode_changes(const chat::RevocationChanges& changes);
[[nodiscard]] chat::Result<chat::RevocationChanges> parse_changes(std::string_view body);

}  // namespace simplechat::wire

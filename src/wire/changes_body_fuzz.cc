// Bodies about blocks and revocations are refused with a reason, or give values that survive being written and read
// again.

#include <cstdint>
#include <string>

#include "chat/ids.h"
#include "runtime/fuzz_target.h"
#include "wire/block_body.h"
#include "wire/changes_body.h"
#include "wire/revocation_body.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

void check_blocks(std::string_view body) {
  if (const auto changes = wire::parse_block(body); accepted(changes)) {
    require(changes->size() <= chat::kBlockChangesPerCallMax);
    for (const chat::BlockChange& change : *changes)
      require(wire::check_block(change.user, change.blocked).has_value());
    require(wire::parse_block(wire::encode_block(*changes)) == *changes);
  }
  if (const auto told = wire::parse_block_changes(body); accepted(told)) {
    const auto again = wire::parse_block_changes(wire::encode_block_changes(*told));
    require(again && again->version == told->version && again->all == told->all && again->lost == told->lost &&
            again->more == told->more && again->changes == told->changes);
  }
}

void check_revocations(std::string_view body) {
  constexpr std::int64_t kNowS = 1'732'400'000;
  constexpr std::int64_t kKeepS = 86'400;
  if (auto request = wire::parse_revocation_request(body); accepted(request)) {
    if (const auto kept = wire::revocation_of(*std::move(request), kNowS, kKeepS); accepted(kept)) {
      require(kept->kept_until_s > kNowS && !kept->subject.empty());
    }
  }
  if (const auto revoked = wire::parse_revoke(body); accepted(revoked)) {
    require(revoked->size() <= chat::kRevocationsPerCallMax);
    require(wire::parse_revoke(wire::encode_revoke(*revoked)) == *revoked);
  }
  if (const auto told = wire::parse_changes(body); accepted(told)) {
    const auto again = wire::parse_changes(wire::encode_changes(*told));
    require(again && again->version == told->version && again->all == told->all && again->more == told->more &&
            again->revocations == told->revocations);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = text_of(data, size);
  check_blocks(body);
  check_revocations(body);
  if (const auto version = wire::parse_changes_request(body); accepted(version)) {
    require(version->size() <= wire::kChangesVersionBytesMax);
    require(wire::parse_changes_request(wire::encode_changes_request(*version)) == *version);
  }
  return 0;
}

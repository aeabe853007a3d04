// Bodies between gateways and the directory are refused with a reason, or give values that survive being written and
// read again.

#include <cstdint>
#include <string>

#include "chat/ids.h"
#include "runtime/fuzz_target.h"
#include "wire/directory_body.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

void check_requests(std::string_view body) {
  if (const auto renew = wire::parse_renew(body); accepted(renew)) {
    const auto again = wire::parse_renew(wire::encode_renew(renew->gateway, renew->lease));
    require(again && again->gateway == renew->gateway && again->lease == renew->lease);
    require(renew->lease >= wire::kLeaseMin && renew->lease <= wire::kLeaseMax);
  }
  if (const auto apply = wire::parse_apply(body); accepted(apply)) {
    require(apply->changes.size() <= wire::kDirectoryBatchMax);
    const auto again = wire::parse_apply(wire::encode_apply(apply->gateway, apply->changes));
    require(again &&
            wire::encode_apply(again->gateway, again->changes) == wire::encode_apply(apply->gateway, apply->changes));
    for (const chat::RecordChange& change : apply->changes) require(chat::is_user_id(change.user));
  }
  if (const auto users = wire::parse_locate(body); accepted(users)) {
    require(users->size() <= wire::kDirectoryBatchMax);
    require(wire::parse_locate(wire::encode_locate(*users)) == *users);
  }
  if (const auto gateway = wire::parse_close(body); accepted(gateway)) {
    require(wire::parse_close(wire::encode_close(*gateway)) == *gateway);
  }
  if (const auto set = wire::parse_set(body); accepted(set)) {
    require(chat::is_user_id(set->key) && !set->value.empty() && set->value.size() <= wire::kGatewayUrlBytesMax);
  }
  if (const auto key = wire::parse_del(body); accepted(key)) require(chat::is_user_id(*key));
}

void check_answers(std::string_view body) {
  if (const auto at = wire::parse_applied(body); accepted(at))
    require(wire::parse_applied(wire::encode_applied(*at)) == *at);
  if (const auto state = wire::parse_lease_state(body); accepted(state)) {
    require(accepted(wire::parse_lease_state(wire::encode_lease_state(*state))));
  }
  if (const auto locations = wire::parse_locations(body); accepted(locations)) {
    const auto again = wire::parse_locations(wire::encode_locations(*locations));
    require(again && wire::encode_locations(*again) == wire::encode_locations(*locations));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = text_of(data, size);
  check_requests(body);
  check_answers(body);
  return 0;
}

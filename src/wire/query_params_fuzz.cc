// The parameters of GET requests: whatever the target, the query is refused with a reason or within the contract.

#include <cstdint>
#include <string>

#include "chat/ids.h"
#include "runtime/fuzz_target.h"
#include "runtime/http.h"
#include "wire/query_params.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

template <class Query>
void check(const chat::Result<Query>& query) {
  if (!query) {
    require(query.error().code == chat::ErrorCode::bad_frame && !query.error().message.empty());
    return;
  }
  require(query->user == "alice" && query->limit >= 1 && query->limit <= chat::kPageSizeMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const runtime::HttpRequest request{.target = std::string(text_of(data, size))};
  const wire::QueryParameters parameters = [&request](std::string_view name) { return request.query(name); };
  const auto history = wire::parse_history_query("alice", parameters);
  check(history);
  if (history) {
    require(chat::is_user_id(history->with) || chat::is_group_address(history->with));
    require(!(history->before && history->after));
  }
  check(wire::parse_conversations_query("alice", parameters));
  check(wire::parse_sync_query("alice", parameters));
  if (const auto user = wire::parse_query_user(parameters)) require(chat::is_user_id(*user));
  require(runtime::percent_decode(runtime::percent_encode(request.target)) == request.target);
  require(request.target.starts_with(request.path()));
  return 0;
}

// What an application answers to a hook is refused with a reason, or within the contract's bounds.

#include <cstdint>
#include <string_view>

#include "chat/ids.h"
#include "chat/limits.h"
#include "runtime/fuzz_target.h"
#include "wire/hook_body.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = text_of(data, size);
  if (const auto answer = wire::parse_connect_answer(body); accepted(answer)) {
    require(answer->user.empty() || chat::is_user_id(answer->user));
  }
  if (const auto answer = wire::parse_send_answer(body); accepted(answer)) {
    require(!answer->payload ||
            (!answer->payload->empty() && answer->payload->size() <= chat::limits::kPayloadBytesMax));
  }
  return 0;
}

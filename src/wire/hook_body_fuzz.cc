// What an application answers to a hook is refused with a reason, or within the contract's bounds.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "chat/ids.h"
#include "chat/limits.h"
#include "wire/hook_body.h"

namespace {

using namespace simplechat;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto answer = wire::parse_connect_answer(body)) {
    require(answer->user.empty() || chat::is_user_id(answer->user));
  } else {
    require(!answer.error().message.empty());
  }
  if (const auto answer = wire::parse_send_answer(body)) {
    require(!answer->payload ||
            (!answer->payload->empty() && answer->payload->size() <= chat::limits::kPayloadBytesMax));
  } else {
    require(!answer.error().message.empty());
  }
  return 0;
}

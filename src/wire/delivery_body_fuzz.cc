// A delivery body is refused, or gives a batch that survives being written and read again.

#include <cstdint>
#include <string>

#include "chat/ids.h"
#include "runtime/fuzz_target.h"
#include "wire/delivery_body.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = text_of(data, size);
  chat::DeliveryBatch batch;
  const auto parsed = wire::parse_delivery_body(body, batch);
  if (!parsed) {
    require(parsed.error().code == chat::ErrorCode::bad_frame);
    return 0;
  }
  std::string written;
  wire::append_delivery_body(written, batch);
  chat::DeliveryBatch again;
  require(wire::parse_delivery_body(written, again).has_value());
  require(again.size() == batch.size() && again.latest_at() == batch.latest_at());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    require(again[i] == batch[i] && chat::is_user_id(batch[i].user) && !batch[i].frame.empty());
  }
  return 0;
}

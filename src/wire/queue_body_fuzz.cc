// A queue body is refused with a reason, leaving the batch as it was, or gives a batch that survives being written and
// read again.

#include <cstdint>
#include <string>

#include "runtime/fuzz_target.h"
#include "wire/queue_body.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

bool same(const chat::RecordBatch& left, const chat::RecordBatch& right) {
  if (left.marks != right.marks || left.messages.size() != right.messages.size()) return false;
  for (std::size_t i = 0; i < left.messages.size(); ++i) {
    if (left.messages[i] != right.messages[i]) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static wire::QueueBodyParser parser;
  const wire::QueueDefaults defaults{.make_id = [] { return std::string("made"); },
                                     .now = [] { return chat::Timestamp{1}; }};
  chat::RecordBatch batch;
  const auto parsed = parser.parse(text_of(data, size), defaults, batch);
  if (!parsed) {
    require(batch.empty() && !parsed.error().message.empty());
    return 0;
  }
  std::string body;
  wire::append_queue_body(body, batch);
  chat::RecordBatch again;
  require(parser.parse(body, defaults, again).has_value() && same(batch, again));
  return 0;
}

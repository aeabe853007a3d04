// Whatever bytes a client sends, the parser answers with a frame that keeps the contract or with an error that can be
// sent.

#include <simdjson.h>

#include <cstdint>
#include <string>

#include "chat/ids.h"
#include "chat/limits.h"
#include "chat/message_store.h"
#include "runtime/fuzz_target.h"
#include "wire/client_frame.h"
#include "wire/plain_frame.h"
#include "wire/server_frame.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

bool is_json(const std::string& text) {
  simdjson::dom::parser parser;
  return parser.parse(text).error() == simdjson::SUCCESS;
}

bool is_absent_or_user(std::string_view text) { return text.empty() || chat::is_user_id(text); }
bool is_address(std::string_view text) { return chat::is_user_id(text) || chat::is_group_address(text); }
bool is_page_size(int limit) { return limit >= 1 && limit <= chat::kPageSizeMax; }
bool is_ref(std::string_view ref) {
  return ref.empty() || (ref.size() <= wire::kRefBytesMax && is_json(std::string(ref)));
}

struct Check {
  void operator()(const wire::RegisterFrame& frame) const {
    require(chat::is_user_id(frame.from) && frame.token.size() <= wire::kTokenBytesMax &&
            frame.device.size() <= wire::kDeviceBytesMax);
  }
  void operator()(const wire::UnregisterFrame& frame) const { require(is_absent_or_user(frame.from)); }
  void operator()(const wire::NormalFrame& frame) const {
    require(is_absent_or_user(frame.from) && is_address(frame.to) &&
            (frame.id.empty() || chat::is_message_id(frame.id)));
    require(!frame.payload.empty() && frame.payload.size() <= chat::limits::kPayloadBytesMax);
    require(simdjson::validate_utf8(frame.payload));
    std::string out;
    wire::append_normal(out, {.id = frame.id, .from = frame.from, .to = frame.to, .payload = frame.payload, .at = 1});
    wire::FrameParser parser;
    const auto again =
        parser.parse(out);  // a server's normal is a client's normal too, but for an empty `from` or `id`
    if (frame.from.empty() || frame.id.empty()) return;
    require(again.has_value() && std::get<wire::NormalFrame>(*again).payload == frame.payload);
  }
  void operator()(const wire::TypingFrame& frame) const {
    require(is_absent_or_user(frame.from) && is_address(frame.to));
  }
  void operator()(const wire::MarkFrame& frame) const {
    require(is_absent_or_user(frame.from) && is_address(frame.with) && frame.at >= 0);
  }
  void operator()(const wire::HistoryFrame& frame) const {
    require(is_address(frame.with) && is_page_size(frame.limit) && is_ref(frame.ref) && !(frame.before && frame.after));
  }
  void operator()(const wire::SyncFrame& frame) const { require(is_page_size(frame.limit) && is_ref(frame.ref)); }
  void operator()(const wire::ConversationsFrame& frame) const {
    require(is_page_size(frame.limit) && is_ref(frame.ref));
  }
  void operator()(const wire::PingFrame& frame) const { require(is_absent_or_user(frame.from) && is_ref(frame.ref)); }
};

// What the scanner takes, the full parser reads the same: a number among the members makes it the parser's.
void check_scanner(std::string_view text) {
  const auto scanned = wire::scan_normal(text);
  if (!scanned) return;
  std::string with_number(text);
  with_number.insert(with_number.rfind('}'), R"(,"~":0)");
  wire::FrameParser parser;
  const auto full = parser.parse(with_number);
  require(full.has_value());
  const auto& normal = std::get<wire::NormalFrame>(*full);
  require(scanned->from == normal.from && scanned->to == normal.to && scanned->id == normal.id &&
          scanned->payload == normal.payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static wire::FrameParser parser;  // used again and again, as on a reactor
  const std::string_view text = text_of(data, size);
  check_scanner(text);
  const auto frame = parser.parse(text);
  if (frame) {
    std::visit(Check{}, *frame);
  } else {
    std::string out;
    wire::append_error(out, frame.error().error, frame.error().id, frame.error().ref);
    require(is_json(out));
  }
  return 0;
}

// Pages and the other HTTP bodies of the store's side are refused with a reason, or give values that are the same when
// written and read again.

#include <cstdint>
#include <string>

#include "runtime/fuzz_target.h"
#include "wire/contains_body.h"
#include "wire/pages_body.h"
#include "wire/send_body.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

// `parse` what `encode` makes of a value, and encode it again: the same text.
template <class Value, class Parse, class Encode>
void check_repeats(const Value& value, Parse parse, Encode encode) {
  const std::string text = encode(value);
  const auto again = parse(text);
  require(again.has_value() && encode(*again) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = text_of(data, size);
  if (const auto page = wire::parse_history_page(body); accepted(page)) {
    check_repeats(*page, wire::parse_history_page,
                  [](const chat::HistoryPage& known) { return wire::encode_history_page("bob", known); });
  }
  if (const auto page = wire::parse_sync_page(body); accepted(page)) {
    check_repeats(*page, wire::parse_sync_page, wire::encode_sync_page);
  }
  if (const auto page = wire::parse_conversations_page(body); accepted(page)) {
    check_repeats(*page, wire::parse_conversations_page, wire::encode_conversations_page);
  }
  if (const auto keys = wire::parse_contains(body); accepted(keys)) {
    require(keys->size() <= chat::kContainsKeysMax);
    check_repeats(*keys, wire::parse_contains,
                  [](const std::vector<chat::MessageKey>& known) { return wire::encode_contains(known); });
  }
  static_cast<void>(accepted(wire::parse_contained(body)));
  if (const auto messages = wire::parse_send_body(body); accepted(messages)) {
    require(!messages->empty() && messages->size() <= wire::kSendMessagesMax);
  }
  static_cast<void>(wire::parse_http_error(body));
  return 0;
}

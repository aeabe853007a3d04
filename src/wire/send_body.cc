#include "wire/send_body.h"

#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

void read_message(ObjectReader& reader, std::vector<chat::Message>& out) {
  constexpr std::string_view kTypes = "normal";
  const auto type = reader.type(kTypes);
  if (!type) return;
  if (*type != "normal") return reader.fail(unknown_type(*type, kTypes));
  const chat::MessageView message = reader.message(Presence::optional);
  out.push_back({.id = std::string(message.id),
                 .from = std::string(message.from),
                 .to = std::string(message.to),
                 .payload = std::string(message.payload),
                 .at = message.at});
}

}  // namespace

chat::Result<std::vector<chat::Message>> parse_send_body(std::string_view body) {
  JsonDocument document;
  const auto root = document.parse(body);
  if (!root) return std::unexpected(root.error());

  simdjson::dom::array array;
  if (root->get(array) == simdjson::SUCCESS && array.size() > kSendMessagesMax) {
    return chat::fail(chat::ErrorCode::too_large,
                      "the body has more than " + std::to_string(kSendMessagesMax) + " messages");
  }
  std::vector<chat::Message> messages;
  const auto done = read_one_or_many(*root, "message", [&](ObjectReader& reader) { read_message(reader, messages); });
  if (!done) return std::unexpected(done.error());
  return messages;
}

}  // namespace simplechat::wire

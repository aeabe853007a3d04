#include "wire/admin_body.h"

#include <utility>

#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

constexpr std::size_t kWordBytesMax = 128;
constexpr std::int64_t kDrainSecondsMax = 3600;

}  // namespace

chat::Result<DisconnectRequest> parse_disconnect(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    return DisconnectRequest{.user = std::string(reader.user("user")),
                             .session = std::string(reader.printable("session", 1, kWordBytesMax, Presence::optional))};
  });
}

chat::Result<std::chrono::milliseconds> parse_drain(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    return std::chrono::milliseconds(std::chrono::seconds(reader.integer("seconds", 0, kDrainSecondsMax)));
  });
}

chat::Result<std::string> parse_log_level(std::string_view body) {
  return parse_object_with(
      body, [](ObjectReader& reader) { return std::string(reader.printable("level", 1, kWordBytesMax)); });
}

chat::Result<std::vector<std::string>> parse_replay(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    std::vector<std::string> ids;
    if (reader.boolean("all", Presence::optional)) return ids;
    constexpr std::string_view kAllowed = "an array of 1 to 1000 ids of dead letters, or \"all\" be true";
    const auto array = reader.array("ids");
    if (!array) return ids;
    for (const simdjson::dom::element element : *array) {
      std::string_view id;
      if (element.get(id) != simdjson::SUCCESS || ids.size() == kDeadLetterIdsMax) {
        reader.fail("ids", "is not what it may be", kAllowed);
        return ids;
      }
      ids.emplace_back(id);
    }
    if (ids.empty()) reader.fail("ids", "is empty", kAllowed);
    return ids;
  });
}

chat::Result<std::string> parse_dead_letter_reason(std::string_view line) {
  constexpr std::size_t kReasonBytesMax = 64UL * 1024;
  return parse_object_with(line,
                           [](ObjectReader& reader) { return std::string(reader.text("reason", 0, kReasonBytesMax)); });
}

}  // namespace simplechat::wire

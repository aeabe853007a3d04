#include "wire/contains_body.h"

#include <utility>

#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

chat::MessageKey read_key(ObjectReader& reader) {
  return {.from = std::string(reader.user("from")),
          .to = std::string(reader.address("to")),
          .id = std::string(reader.message_id("id"))};
}

std::vector<chat::MessageKey> read_keys(ObjectReader& reader) {
  std::vector<chat::MessageKey> keys;
  const auto array = reader.array("messages");
  if (!array) return keys;
  if (array->size() > chat::kContainsKeysMax) {
    reader.fail({chat::ErrorCode::too_large,
                 "\"messages\" has more than " + std::to_string(chat::kContainsKeysMax) + " elements"});
    return keys;
  }
  const auto read =
      read_objects(*array, "message", [&keys](ObjectReader& object) { keys.push_back(read_key(object)); });
  if (!read) reader.fail(read.error());
  return keys;
}

}  // namespace

std::string encode_contains(std::span<const chat::MessageKey> keys) {
  std::string out = R"({"messages":[)";
  std::string_view separator;
  for (const chat::MessageKey& key : keys) {
    out.append(std::exchange(separator, ",")).append(R"({"from":)");
    append_json_string(out, key.from);
    out.append(R"(,"to":)");
    append_json_string(out, key.to);
    out.append(R"(,"id":)");
    append_json_string(out, key.id);
    out.append("}");
  }
  return out.append("]}");
}

chat::Result<std::vector<chat::MessageKey>> parse_contains(std::string_view body) {
  return parse_object_with(body, read_keys);
}

std::string encode_contained(bool contained) {
  return contained ? R"({"status":"success","contained":true})" : R"({"status":"success","contained":false})";
}

chat::Result<bool> parse_contained(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    reader.expect_success();
    return reader.boolean("contained");
  });
}

}  // namespace simplechat::wire

#include "wire/changes_body.h"

#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {

std::string encode_changes_request(std::string_view version) {
  std::string out = R"({"since":)";
  append_json_string(out, version);
  return out.append("}");
}

chat::Result<std::string> parse_changes_request(std::string_view body) {
  return parse_object_with(
      body, [](ObjectReader& reader) { return std::string(reader.printable("since", 0, kChangesVersionBytesMax)); });
}

std::string begin_changes(std::string_view version) {
  std::string out = R"({"status":"success","version":)";
  append_json_string(out, version);
  return out;
}

void append_flag(std::string& out, std::string_view key, bool value) {
  out.append(",\"").append(key).append(value ? "\":true" : "\":false");
}

}  // namespace simplechat::wire

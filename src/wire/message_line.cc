#include "wire/message_line.h"

#include "wire/json_reader.h"
#include "wire/message_json.h"

namespace simplechat::wire {
namespace {

// UTF-8 has U+0080 to U+009F as C2 80 to C2 9F, and that lead byte stands nowhere but in front of U+0080 to U+00BF.
constexpr char kDelete = '\x7f';
constexpr char kLeadOfC1 = '\xc2';

bool is_c1_tail(char c) { return static_cast<unsigned char>(c) >= 0x80 && static_cast<unsigned char>(c) <= 0x9f; }

void append_escape(std::string& out, unsigned char code) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.append("\\u00").append(1, kHex[code >> 4]).append(1, kHex[code & 0xf]);
}

}  // namespace

void append_message_line(std::string& out, const chat::MessageView& message) {
  std::string json = "{";
  append_message_members(json, message);
  json.append("}");
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == kDelete) {
      append_escape(out, static_cast<unsigned char>(kDelete));
    } else if (json[i] == kLeadOfC1 && i + 1 < json.size() && is_c1_tail(json[i + 1])) {
      append_escape(out, static_cast<unsigned char>(json[++i]));
    } else {
      out.push_back(json[i]);
    }
  }
}

chat::Result<Draft> parse_draft_line(std::string_view line) {
  return parse_object_with(line, [](ObjectReader& reader) {
    return Draft{.to = std::string(reader.address("to", Presence::optional)),
                 .payload = std::string(reader.payload("payload")),
                 .id = std::string(reader.message_id("id", Presence::optional))};
  });
}

}  // namespace simplechat::wire

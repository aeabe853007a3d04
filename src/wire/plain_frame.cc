#include "wire/plain_frame.h"

#include <simdjson.h>

#include "chat/ids.h"
#include "chat/limits.h"
#include "wire/json.h"

namespace simplechat::wire {
namespace {

// JSON tokens (RFC 8259) off the front of a text. false: something else is there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool take(char token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // A string without escapes.
  [[nodiscard]] bool take_string(std::string_view& out) {
    if (!take('"')) return false;
    const std::size_t size = plain_prefix(rest_);
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (!rest_.starts_with('"')) return false;
    rest_.remove_prefix(1);
    return true;
  }

  [[nodiscard]] bool at_end() {
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() {
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

// Of an absent member, data() is null.
struct Members {
  std::string_view type;
  std::string_view from;
  std::string_view to;
  std::string_view id;
  std::string_view payload;

  std::string_view* find(std::string_view key) {
    if (key == "payload") return &payload;
    if (key == "type") return &type;
    if (key == "from") return &from;
    if (key == "to") return &to;
    if (key == "id") return &id;
    return nullptr;
  }
};

[[nodiscard]] bool take_members(Scanner& scanner, Members& members) {
  if (!scanner.take('{')) return false;
  do {
    std::string_view key;
    std::string_view value;
    if (!scanner.take_string(key) || !scanner.take(':') || !scanner.take_string(value)) return false;
    std::string_view* const member = members.find(key);
    if (member != nullptr && member->data() == nullptr) *member = value;  // of duplicates the first counts
  } while (scanner.take(','));
  return scanner.take('}') && scanner.at_end();
}

bool is_absent(std::string_view member) { return member.data() == nullptr; }

}  // namespace

std::optional<NormalFrame> scan_normal(std::string_view text) {
  Scanner scanner(text);
  Members members;
  if (!take_members(scanner, members) || members.type != "normal") return std::nullopt;
  const bool valid = (is_absent(members.from) || chat::is_user_id(members.from)) &&
                     (chat::is_user_id(members.to) || chat::is_group_address(members.to)) &&
                     (is_absent(members.id) || chat::is_message_id(members.id)) && !members.payload.empty() &&
                     members.payload.size() <= chat::limits::kPayloadBytesMax &&
                     simdjson::validate_utf8(text.data(), text.size());
  if (!valid) return std::nullopt;
  return NormalFrame{.from = members.from, .to = members.to, .id = members.id, .payload = members.payload};
}

}  // namespace simplechat::wire

#include "wire/delivery_body.h"

#include <simdjson.h>

#include <charconv>
#include <cstdint>
#include <optional>

#include "chat/ids.h"
#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

constexpr std::string_view kMagic = "simplechat-deliver 1 ";

// What of the body is still to be read. Each take_ returns nothing, and then the cursor's place is unspecified, if what
// stands there is not of that form.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  // Decimal digits without a leading zero.
  std::optional<std::uint64_t> take_number(std::uint64_t max) {
    std::uint64_t value = 0;
    const char* const begin = rest_.data();
    const auto [end, error] = std::from_chars(begin, begin + rest_.size(), value);
    const auto digits = static_cast<std::size_t>(end - begin);
    if (error != std::errc() || value > max || (digits > 1 && rest_.front() == '0')) return std::nullopt;
    rest_.remove_prefix(digits);
    return value;
  }

  std::optional<std::string_view> take_bytes(std::uint64_t bytes) {
    if (bytes > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(bytes));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // Up to the first `end` of the next `bytes_max` bytes, which is taken too but not returned.
  std::optional<std::string_view> take_until(char end, std::size_t bytes_max) {
    const std::size_t bytes = rest_.substr(0, bytes_max).find(end);
    if (bytes == std::string_view::npos) return std::nullopt;
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes + 1);
    return taken;
  }

 private:
  std::string_view rest_;
};

std::unexpected<chat::Error> bad(std::string message) {
  return chat::fail(chat::ErrorCode::bad_frame, "delivery body: " + std::move(message));
}

// Adds `frame` for each of the comma-separated `users`.
bool add_users(std::string_view users, std::string_view frame, chat::FrameClass frame_class, chat::DeliveryBatch& out) {
  while (true) {
    const std::size_t comma = users.find(',');
    const std::string_view user = users.substr(0, comma);
    if (!chat::is_user_id(user)) return false;
    out.add({.user = user, .frame = frame, .frame_class = frame_class});
    if (comma == std::string_view::npos) return true;
    users.remove_prefix(comma + 1);
  }
}

// Reads one entry. Returns what is wrong with it, nothing if it is good.
std::string_view read_entry(Cursor& cursor, chat::DeliveryBatch& out) {
  chat::FrameClass frame_class = chat::FrameClass::message;
  if (cursor.take("e ")) {
    frame_class = chat::FrameClass::ephemeral;
  } else if (!cursor.take("m ")) {
    return "does not begin with \"m \" or \"e \"";
  }
  const auto users = cursor.take_until(' ', SIZE_MAX);
  if (!users) return "has no space after its users";
  const auto bytes = cursor.take_number(UINT32_MAX);
  if (!bytes || !cursor.take("\n")) return "has no valid number of bytes at the end of its first line";
  const auto frame = cursor.take_bytes(*bytes);
  if (!frame || frame->empty() || !cursor.take("\n")) return "has a frame that is empty or not of the length given";
  if (!add_users(*users, *frame, frame_class, out)) return "has a user that is not a user id";
  return {};
}

}  // namespace

void append_delivery_body(std::string& out, const chat::DeliveryBatch& batch) {
  constexpr std::size_t kEntryOverheadBytes = 16;
  out.reserve(out.size() + kMagic.size() + batch.bytes() + (batch.size() + 1) * kEntryOverheadBytes);
  out.append(kMagic);
  append_json_integer(out, batch.latest_at());
  out.append("\n");
  std::size_t index = 0;
  while (index < batch.size()) {
    const chat::DeliveryView first = batch[index];
    out.append(first.frame_class == chat::FrameClass::ephemeral ? "e " : "m ").append(first.user);
    for (++index; index < batch.size() && batch.repeats_frame(index); ++index) {
      const chat::DeliveryView next = batch[index];
      if (next.frame_class != first.frame_class) break;
      out.append(",").append(next.user);
    }
    out.append(" ");
    append_json_integer(out, static_cast<std::int64_t>(first.frame.size()));
    out.append("\n").append(first.frame).append("\n");
  }
}

chat::Result<void> parse_delivery_body(std::string_view body, chat::DeliveryBatch& out) {
  // Frames stand between line feeds, so that each is valid UTF-8 if the whole is.
  if (!simdjson::validate_utf8(body.data(), body.size())) return bad("not valid UTF-8");
  Cursor cursor(body);
  if (!cursor.take(kMagic)) return bad("does not begin with \"simplechat-deliver 1 \"");
  const auto latest_at = cursor.take_number(static_cast<std::uint64_t>(kTimestampMax));
  if (!latest_at || !cursor.take("\n")) return bad("has no valid time in its first line");
  out.observe(static_cast<chat::Timestamp>(*latest_at));
  for (std::size_t index = 0; !cursor.at_end(); ++index) {
    const std::string_view problem = read_entry(cursor, out);
    if (!problem.empty()) return bad("entry " + std::to_string(index) + " " + std::string(problem));
  }
  return {};
}

void append_delivery_answer(std::string& out, const std::vector<std::size_t>& absent) {
  out.append(R"({"status":"success","absent":[)");
  for (std::size_t i = 0; i < absent.size(); ++i) {
    if (i > 0) out.append(",");
    append_json_integer(out, static_cast<std::int64_t>(absent[i]));
  }
  out.append("]}");
}

chat::Result<std::vector<std::size_t>> parse_delivery_answer(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    reader.expect_success();
    std::vector<std::size_t> absent;
    const auto indexes = reader.array("absent");
    if (!indexes) return absent;
    for (const simdjson::dom::element element : *indexes) {
      std::uint64_t index = 0;
      if (element.get(index) != simdjson::SUCCESS)
        reader.fail("absent", "holds a value that is no index", "integers alone");
      absent.push_back(index);
    }
    return absent;
  });
}

}  // namespace simplechat::wire

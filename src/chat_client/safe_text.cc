#include "chat_client/safe_text.h"

#include <fmt/format.h>

#include <clocale>
#include <cwchar>
#include <iterator>

#include "websocket/utf8.h"

namespace simplechat::chat_client {
namespace {

constexpr char32_t kReplacement = 0xfffd;
constexpr char32_t kEmojiStyle = 0xfe0f;  // makes the character before it wide
constexpr std::string_view kEllipsis = "…";
constexpr std::string_view kTab = "    ";

// C++'s own library for widths is the C one's, which goes by the locale: this one knows UTF-8, whatever the caller's.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  ~Utf8Locale() {
    if (locale_ != nullptr) ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

  [[nodiscard]] int width(char32_t code) const {
    if (locale_ == nullptr) return code < 0x80 ? 1 : 2;
    const locale_t before = ::uselocale(locale_);
    const int columns = ::wcwidth(static_cast<wchar_t>(code));
    ::uselocale(before);
    return columns;
  }

 private:
  locale_t locale_;
};

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7f && code <= 0x9f); }

bool reorders(char32_t code) {
  return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

bool breaks_lines(char32_t code) { return code == 0x2028 || code == 0x2029; }

// Not characters for a person: byte order mark, interlinear annotation, tags and private or unassigned controls.
bool is_invisible(char32_t code) {
  return code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) || code == 0xe0001 || (code >= 0x206a && code <= 0x206f);
}

std::size_t announced_bytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

}  // namespace

Character first_character(std::string_view text) {
  constexpr Character kInvalid{.code = kReplacement, .bytes = 1, .is_valid = false};
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = announced_bytes(lead);
  if (bytes > text.size() || !websocket::is_utf8(text.substr(0, bytes))) return kInvalid;
  char32_t code = bytes == 1 ? lead : lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  return {.code = code, .bytes = bytes, .is_valid = true};
}

void append_utf8(std::string& out, char32_t code) {
  const auto tail = [&out](char32_t bits) { out.push_back(static_cast<char>(0x80U | (bits & 0x3fU))); };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0U | (code >> 6U)));
    tail(code);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0U | (code >> 12U)));
    tail(code >> 6U);
    tail(code);
  } else {
    out.push_back(static_cast<char>(0xf0U | (code >> 18U)));
    tail(code >> 12U);
    tail(code >> 6U);
    tail(code);
  }
}

void append_safe(std::string& out, Character character, std::string_view bytes) {
  if (!character.is_valid) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(bytes.front()));
  } else if (character.code == '\n') {
    out.append("\\n");
  } else if (character.code == '\t') {
    out.append(kTab);
  } else if (is_control(character.code)) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(character.code));
  } else if (reorders(character.code) || breaks_lines(character.code) || is_invisible(character.code)) {
    fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<unsigned>(character.code));
  } else {
    out.append(bytes.substr(0, character.bytes));
  }
}

std::string safe_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    append_safe(out, character, text);
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::size_t columns_of(char32_t code) {
  static const Utf8Locale locale;
  if (code == kEmojiStyle) return 1;
  const int columns = locale.width(code);
  return columns < 0 ? 2 : static_cast<std::size_t>(columns);  // not assigned when the library was made
}

std::size_t columns_of(std::string_view safe) {
  std::size_t columns = 0;
  while (!safe.empty()) {
    const Character character = first_character(safe);
    columns += columns_of(character.code);
    safe.remove_prefix(character.bytes);
  }
  return columns;
}

std::string fit(std::string_view safe, std::size_t columns) {
  if (columns_of(safe) <= columns) return std::string(safe);
  if (columns == 0) return {};
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < safe.size()) {
    const Character character = first_character(safe.substr(end));
    const std::size_t wide = columns_of(character.code);
    if (used + wide > columns - 1) break;
    used += wide;
    end += character.bytes;
  }
  return std::string(safe.substr(0, end)).append(kEllipsis);
}

}  // namespace simplechat::chat_client

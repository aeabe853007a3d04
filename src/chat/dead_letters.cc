#include "chat/dead_letters.h"

#include <charconv>

namespace simplechat::chat {

// FNV-1a of 64 bits: the same in every process and version, which std::hash is not.
std::string dead_letter_id(std::string_view queue, std::string_view reason, std::string_view body) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const std::string_view part : {queue, reason, body}) {
    for (const char character : part) add(static_cast<unsigned char>(character));
    add(0xff);  // between the parts: no UTF-8 text has it
  }
  constexpr std::size_t kDigits = 16;
  std::string id(kDigits, '0');
  char digits[kDigits];
  const auto [end, error] = std::to_chars(digits, digits + kDigits, hash, 16);
  const auto count = static_cast<std::size_t>(end - digits);
  return id.replace(kDigits - count, count, digits, count);
}

}  // namespace simplechat::chat

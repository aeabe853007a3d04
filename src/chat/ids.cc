#include "chat/ids.h"

#include <algorithm>
#include <array>

namespace simplechat::chat {
namespace {

constexpr std::array<bool, 256> user_alphabet() {
  std::array<bool, 256> table{};
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const unsigned char c : {'.', '_', '-', '@', '+'}) table[c] = true;
  return table;
}

constexpr auto kUserAlphabet = user_alphabet();

bool all_in_alphabet(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return kUserAlphabet[static_cast<unsigned char>(c)]; });
}

// FNV-1a, 64 bit.
std::uint64_t hash_of(std::uint64_t hash, std::string_view text) {
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

bool is_user_id(std::string_view text) {
  return !text.empty() && text.size() <= kUserIdBytesMax && all_in_alphabet(text);
}

bool is_group_address(std::string_view text) {
  return text.size() >= 2 && text.size() <= kUserIdBytesMax && text.front() == '#' && all_in_alphabet(text.substr(1));
}

bool is_message_id(std::string_view text) {
  if (text.empty() || text.size() > kMessageIdBytesMax) return false;
  bool printable = true;
  for (const char c : text) printable &= c >= 0x20 && c <= 0x7e;  // without a branch: many bytes at a time
  return printable;
}

std::string conversation_key(std::string_view from, std::string_view to) {
  if (to.starts_with('#')) return std::string(to);
  const auto [low, high] = std::minmax(from, to);
  std::string key;
  key.reserve(low.size() + 1 + high.size());
  return key.append(low).append(1, ',').append(high);
}

std::string_view other_side(std::string_view conversation, std::string_view user) {
  const std::size_t comma = conversation.find(',');
  if (comma == std::string_view::npos) return conversation;
  const std::string_view low = conversation.substr(0, comma);
  const std::string_view high = conversation.substr(comma + 1);
  return low == user ? high : low;
}

std::uint64_t conversation_hash(std::string_view from, std::string_view to) {
  constexpr std::uint64_t kOffsetBasis = 0xcbf29ce484222325ULL;
  if (to.starts_with('#')) return hash_of(kOffsetBasis, to);
  const auto [low, high] = std::minmax(from, to);
  return hash_of(hash_of(hash_of(kOffsetBasis, low), ","), high);
}

}  // namespace simplechat::chat

#include "websocket/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace simplechat::websocket {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::size_t kSha1Bytes = 20;

// Locale-free, unlike <cctype>.
constexpr char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kOptionalSpace = " \t";
  const std::size_t first = text.find_first_not_of(kOptionalSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kOptionalSpace) - first + 1);
}

// Whether the comma-separated `list` has `token`, whatever the case.
bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (std::ranges::equal(trim(list.substr(0, comma)), token, {}, lower, lower)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

constexpr bool is_base64_digit(char digit) {
  return (digit >= 'A' && digit <= 'Z') || (digit >= 'a' && digit <= 'z') || (digit >= '0' && digit <= '9') ||
         digit == '+' || digit == '/';
}

// Base64 of 16 bytes: 22 digits and the padding.
bool is_key(std::string_view key) {
  constexpr std::size_t kDigits = 22;
  return key.size() == kDigits + 2 && key.ends_with("==") &&
         std::ranges::all_of(key.substr(0, kDigits), is_base64_digit);
}

}  // namespace

std::string accept_key(std::string_view sec_websocket_key) {
  const std::string text = std::string(sec_websocket_key).append(kGuid);
  std::array<unsigned char, kSha1Bytes> digest;
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL offers no SHA-1");  // a broken installation, not a client's fault
  }
  constexpr std::size_t kBase64Bytes = (kSha1Bytes + 2) / 3 * 4;
  std::array<unsigned char, kBase64Bytes + 1> base64;  // OpenSSL ends it with a zero
  EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
  return {base64.begin(), base64.end() - 1};
}

std::expected<std::string, HandshakeError> check_upgrade(const UpgradeHeaders& headers) {
  const auto refuse = [](unsigned status, std::string_view message) {
    return std::unexpected(HandshakeError{status, message});
  };
  if (headers.method != "GET") return refuse(400, "A WebSocket handshake is a GET request.");
  if (headers.http_version != "1.1") return refuse(400, "A WebSocket handshake needs HTTP/1.1.");
  if (!has_token(headers.upgrade, "websocket")) return refuse(400, "The Upgrade header does not name websocket.");
  if (!has_token(headers.connection, "upgrade")) return refuse(400, "The Connection header does not name Upgrade.");
  if (trim(headers.sec_websocket_version) != kProtocolVersion) {
    return refuse(426, "Only Sec-WebSocket-Version 13 is spoken here.");
  }
  const std::string_view key = trim(headers.sec_websocket_key);
  if (!is_key(key)) return refuse(400, "Sec-WebSocket-Key is not the base64 of 16 bytes.");
  return accept_key(key);
}

std::string switching_protocols(std::string_view accept, std::string_view protocol) {
  std::string answer =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: ";
  answer.append(accept).append("\r\n");
  if (!protocol.empty()) answer.append("Sec-WebSocket-Protocol: ").append(protocol).append("\r\n");
  answer.append("\r\n");
  return answer;
}

}  // namespace simplechat::websocket

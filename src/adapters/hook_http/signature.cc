#include "adapters/hook_http/signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <span>
#include <stdexcept>

namespace simplechat::adapters::hook_http {

std::vector<std::pair<std::string, std::string>> signature_headers(std::string_view secret, std::int64_t now_s,
                                                                   std::string_view body) {
  std::string timestamp = fmt::to_string(now_s);
  const std::string signed_text = fmt::format("{}.{}", timestamp, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (::HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest.data(),
             &bytes) == nullptr) {
    throw std::runtime_error("HMAC-SHA256 failed");
  }
  return {{"X-SimpleChat-Timestamp", std::move(timestamp)},
          {"X-SimpleChat-Signature", fmt::format("sha256={:02x}", fmt::join(std::span(digest).first(bytes), ""))}};
}

}  // namespace simplechat::adapters::hook_http

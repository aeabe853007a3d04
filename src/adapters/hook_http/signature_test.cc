#include "adapters/hook_http/signature.h"

#include <gtest/gtest.h>

namespace simplechat::adapters::hook_http {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

// By: printf '%s' '1700000000.{"user":"alice"}' | openssl dgst -sha256 -hmac 's3cret'
TEST(Signature, IsTheMacOfTimeAndBody) {
  EXPECT_EQ(
      signature_headers("s3cret", 1700000000, R"({"user":"alice"})"),
      (Headers{{"X-SimpleChat-Timestamp", "1700000000"},
               {"X-SimpleChat-Signature", "sha256=1bcf470e8cc0c8b81f34691f9741c0719729828efecb6f6cdb40011ea17af230"}}));
}

TEST(Signature, IsAnotherForAnotherSecretTimeOrBody) {
  const auto signature = [](std::string_view secret, std::int64_t now_s, std::string_view body) {
    return signature_headers(secret, now_s, body)[1].second;
  };
  const std::string one = signature("secret", 17, "body");
  EXPECT_EQ(one, signature("secret", 17, "body"));
  EXPECT_NE(one, signature("secret2", 17, "body"));
  EXPECT_NE(one, signature("secret", 18, "body"));
  EXPECT_NE(one, signature("secret", 17, "body2"));
}

}  // namespace
}  // namespace simplechat::adapters::hook_http

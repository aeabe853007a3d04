#include "adapters/jwt/base64url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/jwt/test_signer.h"

namespace simplechat::adapters::jwt {
namespace {

using testing::Eq;
using testing::Optional;

TEST(Base64Url, DecodesTheExamplesOfRfc4648) {
  EXPECT_THAT(decode_base64url(""), Optional(Eq("")));
  EXPECT_THAT(decode_base64url("Zg"), Optional(Eq("f")));
  EXPECT_THAT(decode_base64url("Zm8"), Optional(Eq("fo")));
  EXPECT_THAT(decode_base64url("Zm9v"), Optional(Eq("foo")));
  EXPECT_THAT(decode_base64url("Zm9vYg"), Optional(Eq("foob")));
}

TEST(Base64Url, DecodesEveryByteAtEveryOffset) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (std::size_t from = 0; from < 3; ++from) {
    const std::string tail = bytes.substr(from);
    EXPECT_THAT(decode_base64url(encode_base64url(tail)), Optional(Eq(tail)));
  }
}

TEST(Base64Url, HasTheUrlAlphabet) {
  EXPECT_THAT(decode_base64url("-_-_"), Optional(Eq("\xfb\xff\xbf")));
  EXPECT_EQ(decode_base64url("+/+/"), std::nullopt);
}

TEST(Base64Url, RefusesWhatNoEncoderWrites) {
  EXPECT_EQ(decode_base64url("Zg=="), std::nullopt) << "padding";
  EXPECT_EQ(decode_base64url("Z"), std::nullopt) << "six bits are no byte";
  EXPECT_EQ(decode_base64url("Zm9vY"), std::nullopt) << "six bits too many";
  EXPECT_EQ(decode_base64url("Zh"), std::nullopt) << "a bit beyond the byte";
  EXPECT_EQ(decode_base64url("Zm9"), std::nullopt) << "a bit beyond the second byte";
  EXPECT_EQ(decode_base64url("Zm 9v"), std::nullopt);
  EXPECT_EQ(decode_base64url("Zm9v\n"), std::nullopt);
  EXPECT_EQ(decode_base64url("Zm9\xc3"), std::nullopt);
}

}  // namespace
}  // namespace simplechat::adapters::jwt

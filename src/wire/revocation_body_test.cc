#include "wire/revocation_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace simplechat::wire {
namespace {

using chat::Revocation;
using chat::Revoked;

const Revocation kUser{.what = Revoked::user, .subject = "alice", .issued_until_s = 17, .kept_until_s = 99};
const Revocation kToken{.what = Revoked::token, .subject = "a \"j\"\n\xc3\xa9", .kept_until_s = 98};

TEST(RevocationBody, RevocationsComeBackAsTheyWent) {
  const std::vector<Revocation> revocations{kUser, kToken};
  EXPECT_EQ(encode_revoke(std::span(&kUser, 1)), R"({"revocations":[{"user":"alice","issuedUntil":17,"until":99}]})");
  EXPECT_EQ(parse_revoke(encode_revoke(revocations)), revocations);
  EXPECT_EQ(parse_revoke(encode_revoke({})), std::vector<Revocation>());
}

TEST(RevocationBody, ChangesComeBackAsTheyWent) {
  const chat::RevocationChanges changes{.version = "s-7", .all = true, .more = true, .revocations = {kUser, kToken}};
  const auto parsed = parse_changes(encode_changes(changes));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->version, "s-7");
  EXPECT_TRUE(parsed->all);
  EXPECT_TRUE(parsed->more);
  EXPECT_EQ(parsed->revocations, changes.revocations);
}

TEST(RevocationBody, ARequestNamesAUserOrAToken) {
  const auto user = parse_revocation_request(R"({"user":"alice"})");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->what, Revoked::user);
  EXPECT_EQ(user->subject, "alice");
  EXPECT_EQ(user->issued_until_s, std::nullopt);
  EXPECT_EQ(user->kept_until_s, std::nullopt);
  const auto token = parse_revocation_request(R"({"jti":"t","until":5})");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->what, Revoked::token);
  EXPECT_EQ(token->kept_until_s, 5);
  for (const std::string body :
       {"{}", R"({"user":"alice","jti":"t"})", R"({"user":"#group"})", R"({"user":""})", R"({"jti":""})",
        R"({"jti":7})", R"({"jti":"t","issuedUntil":1})", R"({"user":"alice","issuedUntil":-1})",
        R"({"user":"alice","until":1e99})", R"({"user":"alice","until":"5"})"}) {
    const auto refused = parse_revocation_request(body);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().code, chat::ErrorCode::bad_frame) << body;
  }
  EXPECT_EQ(parse_revocation_request("nonsense").error().code, chat::ErrorCode::bad_json);
  EXPECT_FALSE(parse_revocation_request(R"({"jti":")" + std::string(kTokenIdBytesMax + 1, 'x') + R"("})"));
}

TEST(RevocationBody, WhatARequestLeavesOutIsNowAndTheUsualTime) {
  EXPECT_EQ(
      revocation_of({.what = Revoked::user, .subject = "alice", .issued_until_s = {}, .kept_until_s = {}}, 100, 30),
      (Revocation{.what = Revoked::user, .subject = "alice", .issued_until_s = 100, .kept_until_s = 130}));
  EXPECT_EQ(
      revocation_of({.what = Revoked::user, .subject = "alice", .issued_until_s = 7, .kept_until_s = 101}, 100, 30),
      (Revocation{.what = Revoked::user, .subject = "alice", .issued_until_s = 7, .kept_until_s = 101}));
  EXPECT_EQ(revocation_of({.what = Revoked::token, .subject = "t", .issued_until_s = {}, .kept_until_s = {}}, 100, 30),
            (Revocation{.what = Revoked::token, .subject = "t", .kept_until_s = 130}));
  const auto passed =
      revocation_of({.what = Revoked::token, .subject = "t", .issued_until_s = {}, .kept_until_s = 100}, 100, 30);
  ASSERT_FALSE(passed);
  EXPECT_EQ(passed.error().code, chat::ErrorCode::bad_frame);
}

TEST(RevocationBody, TellsWhatIsKept) {
  EXPECT_EQ(encode_kept(kUser), R"({"status":"success","user":"alice","issuedUntil":17,"until":99})");
  EXPECT_EQ(encode_kept({.what = Revoked::token, .subject = "t", .kept_until_s = 98}),
            R"({"status":"success","jti":"t","until":98})");
}

TEST(RevocationBody, RefusesWhatIsNotOfTheContract) {
  for (const std::string body : {"{}", R"({"revocations":{}})", R"({"revocations":[{"user":"alice"}]})",
                                 R"({"revocations":[{"until":5}]})", R"({"revocations":[7]})"}) {
    EXPECT_FALSE(parse_revoke(body)) << body;
  }
  const std::vector<Revocation> many(chat::kRevocationsPerCallMax + 1, kUser);
  EXPECT_EQ(parse_revoke(encode_revoke(many)).error().code, chat::ErrorCode::too_large);
  for (const std::string body : {"{}", R"({"status":"error"})", R"({"status":"success","version":""})",
                                 R"({"status":"success","version":"v","all":false,"more":false})"}) {
    EXPECT_FALSE(parse_changes(body)) << body;
  }
}

}  // namespace
}  // namespace simplechat::wire

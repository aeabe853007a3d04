#include "wire/block_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/changes_body.h"

namespace simplechat::wire {
namespace {

using chat::BlockChange;

const BlockChange kMade{.user = "alice", .blocked = "bob"};
const BlockChange kRemoved{.user = "bob", .blocked = "alice", .present = false};

TEST(BlockBody, ChangesComeBackAsTheyWent) {
  const std::vector<BlockChange> changes{kMade, kRemoved};
  EXPECT_EQ(encode_block(std::span(&kMade, 1)), R"({"changes":[{"user":"alice","blocked":"bob","present":true}]})");
  EXPECT_EQ(parse_block(encode_block(changes)), changes);
  EXPECT_EQ(parse_block(encode_block({})), std::vector<BlockChange>());
}

TEST(BlockBody, AnswersComeBackAsTheyWent) {
  for (const bool flag : {false, true}) {
    const chat::BlockChanges changes{
        .version = "s-7-8", .all = flag, .lost = !flag, .more = flag, .changes = {kMade, kRemoved}};
    const auto parsed = parse_block_changes(encode_block_changes(changes));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->version, "s-7-8");
    EXPECT_EQ(parsed->all, flag);
    EXPECT_EQ(parsed->lost, !flag);
    EXPECT_EQ(parsed->more, flag);
    EXPECT_EQ(parsed->changes, changes.changes);
  }
}

TEST(BlockBody, AVersionComesBackAsItWent) {
  EXPECT_EQ(parse_changes_request(encode_changes_request("s-7")), "s-7");
  EXPECT_EQ(parse_changes_request(encode_changes_request("")), "");
  EXPECT_FALSE(parse_changes_request(encode_changes_request(std::string(kChangesVersionBytesMax + 1, 'x'))));
}

TEST(BlockBody, ListsWhomAUserHasBlocked) {
  EXPECT_EQ(encode_blocked("alice", {}), R"({"status":"success","user":"alice","blocked":[]})");
  const std::vector<std::string> two{"bob", "carol"};
  EXPECT_EQ(encode_blocked("alice", two), R"({"status":"success","user":"alice","blocked":["bob","carol"]})");
}

TEST(BlockBody, ABlockIsOfOneUserByAnother) {
  EXPECT_TRUE(check_block("alice", "bob"));
  for (const auto& [user, blocked] : std::vector<std::pair<std::string, std::string>>{
           {"alice", "alice"}, {"alice", ""}, {"", "bob"}, {"alice", "#group"}, {"alice", "b b"}}) {
    const auto refused = check_block(user, blocked);
    ASSERT_FALSE(refused) << user << ' ' << blocked;
    EXPECT_EQ(refused.error().code, chat::ErrorCode::bad_frame);
  }
}

TEST(BlockBody, RefusesWhatIsNotOfTheContract) {
  for (const std::string body :
       {"{}", R"({"changes":{}})", R"({"changes":[7]})", R"({"changes":[{"user":"alice","blocked":"bob"}]})",
        R"({"changes":[{"user":"alice","present":true}]})",
        R"({"changes":[{"user":"alice","blocked":"alice","present":true}]})",
        R"({"changes":[{"user":"alice","blocked":"#group","present":true}]})"}) {
    EXPECT_FALSE(parse_block(body)) << body;
  }
  const std::vector<BlockChange> many(chat::kBlockChangesPerCallMax + 1, kMade);
  EXPECT_EQ(parse_block(encode_block(many)).error().code, chat::ErrorCode::too_large);
  for (const std::string body : {"{}", R"({"status":"error"})",
                                 R"({"status":"success","version":"","all":true,"lost":true,"more":true,"changes":[]})",
                                 R"({"status":"success","version":"v","all":false,"more":false,"changes":[]})",
                                 R"({"status":"success","version":"v","all":false,"lost":false,"more":false})"}) {
    EXPECT_FALSE(parse_block_changes(body)) << body;
  }
}

}  // namespace
}  // namespace simplechat::wire

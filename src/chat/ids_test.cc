#include "chat/ids.h"

#include <gtest/gtest.h>

namespace simplechat::chat {
namespace {

TEST(Ids, UserIdTakesTheContractsAlphabetOnly) {
  EXPECT_TRUE(is_user_id("alice"));
  EXPECT_TRUE(is_user_id("A-z.0_9@host+tag"));
  EXPECT_TRUE(is_user_id(std::string(64, 'x')));
  for (const char* bad : {"", "a b", "a,b", "#a", "ä", "a/b", "a\n"}) EXPECT_FALSE(is_user_id(bad)) << bad;
  EXPECT_FALSE(is_user_id(std::string(65, 'x')));
}

TEST(Ids, GroupAddressIsAHashAndAUserIdsCharacters) {
  EXPECT_TRUE(is_group_address("#a"));
  EXPECT_TRUE(is_group_address("#" + std::string(63, 'x')));
  for (const char* bad : {"", "#", "a", "##", "#a b"}) EXPECT_FALSE(is_group_address(bad)) << bad;
  EXPECT_FALSE(is_group_address("#" + std::string(64, 'x')));
}

TEST(Ids, MessageIdIsPrintableAscii) {
  EXPECT_TRUE(is_message_id("0192f0c1-7b1e-7000-8000-000000000000"));
  EXPECT_TRUE(is_message_id(" ~"));
  EXPECT_TRUE(is_message_id(std::string(64, '!')));
  for (const char* bad : {"", "\x1f", "\x7f", "é"}) EXPECT_FALSE(is_message_id(bad)) << bad;
  EXPECT_FALSE(is_message_id(std::string(65, '!')));
}

TEST(Ids, BothDirectionsShareOneConversation) {
  EXPECT_EQ(conversation_key("bob", "alice"), "alice,bob");
  EXPECT_EQ(conversation_key("alice", "bob"), "alice,bob");
  EXPECT_EQ(conversation_key("alice", "alice"), "alice,alice");
  EXPECT_EQ(conversation_key("alice", "#team"), "#team");
  EXPECT_EQ(conversation_hash("bob", "alice"), conversation_hash("alice", "bob"));
  EXPECT_EQ(conversation_hash("bob", "#team"), conversation_hash("alice", "#team"));
  EXPECT_NE(conversation_hash("alice", "bob"), conversation_hash("alice", "carol"));
  EXPECT_NE(conversation_hash("ab", "c"), conversation_hash("a", "bc"));
}

TEST(Ids, ConversationHashIsTheSameInEveryVersion) {
  // FNV-1a of "alice,bob". If this changes, messages in flight during an upgrade change their partition and order.
  EXPECT_EQ(conversation_hash("alice", "bob"), 0x4b1e1f806154ccf0ULL);
}

TEST(Ids, OtherSide) {
  EXPECT_EQ(other_side("alice,bob", "alice"), "bob");
  EXPECT_EQ(other_side("alice,bob", "bob"), "alice");
  EXPECT_EQ(other_side("alice,alice", "alice"), "alice");
  EXPECT_EQ(other_side("#team", "alice"), "#team");
}

}  // namespace
}  // namespace simplechat::chat

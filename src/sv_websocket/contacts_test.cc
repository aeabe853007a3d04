#include "sv_websocket/contacts.h"

#include <gtest/gtest.h>

namespace simplechat::sv_websocket {
namespace {

using chat::ErrorCode;

TEST(BlockTable, KnowsExactlyWhatWasChanged) {
  BlockTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_TRUE(table.change("alice", "carol", true));
  EXPECT_TRUE(table.change("alice", "bob", true));
  EXPECT_FALSE(table.change("alice", "bob", true));
  EXPECT_TRUE(table.blocks("alice", "bob"));
  EXPECT_FALSE(table.blocks("bob", "alice"));
  EXPECT_FALSE(table.blocks("alice", "bo"));
  EXPECT_FALSE(table.blocks("alicebob", ""));
  EXPECT_EQ(table.blocked_by("alice"), (BlockedUsers{"bob", "carol"}));
  EXPECT_TRUE(table.change("alice", "bob", false));
  EXPECT_FALSE(table.change("alice", "bob", false));
  EXPECT_FALSE(table.blocks("alice", "bob"));
  EXPECT_FALSE(table.empty());
  EXPECT_TRUE(table.change("alice", "carol", false));
  EXPECT_TRUE(table.empty());
}

class ContactsTest : public ::testing::Test {
 protected:
  BlockTable blocks_;
  Contacts contacts_{blocks_};
};

TEST_F(ContactsTest, NeitherSideOfABlockReachesTheOther) {
  EXPECT_EQ(contacts_.refusal("alice", "bob"), nullptr);
  blocks_.change("alice", "bob", true);
  const chat::Error* const blocked = contacts_.refusal("bob", "alice");
  ASSERT_NE(blocked, nullptr);
  EXPECT_EQ(blocked->code, ErrorCode::forbidden);
  EXPECT_EQ(blocked->message, "this user takes no messages from you");
  const chat::Error* const blocking = contacts_.refusal("alice", "bob");
  ASSERT_NE(blocking, nullptr);
  EXPECT_EQ(blocking->code, ErrorCode::forbidden);
  EXPECT_EQ(blocking->message, "you have blocked this user; unblock them to write");
  EXPECT_EQ(contacts_.refusal("bob", "carol"), nullptr);
  EXPECT_EQ(contacts_.refusal("carol", "alice"), nullptr);
  EXPECT_EQ(contacts_.refusal("alice", "alice"), nullptr);
  blocks_.change("alice", "bob", false);
  EXPECT_EQ(contacts_.refusal("bob", "alice"), nullptr);
}

TEST_F(ContactsTest, OfTwoWhoHaveBlockedEachOtherEachIsTold) {
  blocks_.change("alice", "bob", true);
  blocks_.change("bob", "alice", true);
  EXPECT_EQ(contacts_.refusal("alice", "bob"), contacts_.refusal("bob", "alice"));
}

TEST_F(ContactsTest, NothingPassesWhileItIsNotKnownWhoHasBlockedWhom) {
  contacts_.await_blocks();
  const chat::Error* const refusal = contacts_.refusal("alice", "bob");
  ASSERT_NE(refusal, nullptr);
  EXPECT_EQ(refusal->code, ErrorCode::unavailable);
  EXPECT_EQ(contacts_.refusal("alice", "alice"), nullptr);
  contacts_.blocks_known();
  EXPECT_EQ(contacts_.refusal("alice", "bob"), nullptr);
}

}  // namespace
}  // namespace simplechat::sv_websocket

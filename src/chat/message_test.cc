#include "chat/message.h"

#include <gtest/gtest.h>

#include <vector>

namespace simplechat::chat {
namespace {

TEST(MessageBatch, GivesBackWhatWasAddedInOrder) {
  MessageBatch batch;
  const Message first{.id = "1", .from = "alice", .to = "bob", .payload = std::string("a\0b", 3), .at = 7};
  const Message second{.id = "2", .from = "bob", .to = "alice", .payload = std::string(70'000, 'x'), .at = 8};
  batch.add(first.view());
  batch.add(second.view());
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch[0], first.view());
  EXPECT_EQ(batch[1], second.view());
  std::vector<MessageView> seen;
  for (const MessageView message : batch) seen.push_back(message);
  EXPECT_EQ(seen, (std::vector{first.view(), second.view()}));
}

TEST(MessageBatch, ClearForgetsTheMessages) {
  MessageBatch batch;
  batch.add({.id = "1", .from = "a", .to = "b", .payload = "p", .at = 1});
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0U);
  batch.add({.id = "2", .from = "c", .to = "d", .payload = "q", .at = 2});
  EXPECT_EQ(batch[0].id, "2");
}

}  // namespace
}  // namespace simplechat::chat

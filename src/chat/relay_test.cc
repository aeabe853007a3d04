#include "chat/relay.h"

#include <gtest/gtest.h>

namespace simplechat::chat {
namespace {

TEST(DeliveryBatch, StoresAFrameForManyUsersOnce) {
  DeliveryBatch batch;
  const std::string frame(1000, 'f');
  for (const char* user : {"alice", "bob", "carol"}) batch.add({.user = user, .frame = frame});
  EXPECT_LT(batch.bytes(), 1100U);
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_EQ(batch[2].user, "carol");
  EXPECT_EQ(batch[2].frame, frame);
  EXPECT_FALSE(batch.repeats_frame(0));
  EXPECT_TRUE(batch.repeats_frame(2));
}

TEST(DeliveryBatch, KeepsOrderAndClasses) {
  DeliveryBatch batch;
  batch.add({.user = "a", .frame = "1"});
  batch.add({.user = "a", .frame = "2", .frame_class = FrameClass::ephemeral});
  EXPECT_EQ(batch[0], (DeliveryView{.user = "a", .frame = "1"}));
  EXPECT_EQ(batch[1].frame_class, FrameClass::ephemeral);
  EXPECT_FALSE(batch.repeats_frame(1));
}

TEST(DeliveryBatch, RemembersTheLatestTimestamp) {
  DeliveryBatch batch;
  batch.observe(5);
  batch.observe(3);
  EXPECT_EQ(batch.latest_at(), 5);
  batch.clear();
  EXPECT_EQ(batch.latest_at(), 0);
}

}  // namespace
}  // namespace simplechat::chat

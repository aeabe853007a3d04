#include "adapters/sqlite/recent_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace simplechat::adapters::sqlite {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kAliceBob = 1;
constexpr std::int64_t kAliceCarol = 2;

std::vector<std::int64_t> seqs(const std::vector<RecentMessage>& messages) {
  std::vector<std::int64_t> all;
  for (const RecentMessage& message : messages) all.push_back(message.seq);
  return all;
}

class RecentMessagesTest : public ::testing::Test {
 protected:
  void add(std::int64_t conversation, std::int64_t seq) {
    recent_.add(conversation, {.seq = seq, .at = 1000 - seq, .sender = "alice"});
  }

  RecentMessages recent_{10, 3};
};

TEST_F(RecentMessagesTest, ShowsWhatIsCommittedAndNothingElse) {
  add(kAliceBob, 10);
  EXPECT_THAT(recent_.view().of(kAliceBob), IsEmpty());
  recent_.show();
  EXPECT_THAT(seqs(recent_.view().of(kAliceBob)), ElementsAre(10));
  EXPECT_EQ(recent_.view().until(), 10);
  add(kAliceBob, 11);
  recent_.forget_unshown();
  recent_.show();
  EXPECT_THAT(seqs(recent_.view().of(kAliceBob)), ElementsAre(10));
}

TEST_F(RecentMessagesTest, AViewStaysWhatItWas) {
  add(kAliceBob, 10);
  recent_.show();
  const RecentView before = recent_.view();
  add(kAliceBob, 11);
  add(kAliceBob, 12);
  recent_.show();
  EXPECT_THAT(seqs(before.of(kAliceBob)), ElementsAre(10));
  EXPECT_EQ(before.next(kAliceBob, 10), std::nullopt);
  ASSERT_NE(recent_.to_index(), nullptr);
  recent_.drop_indexed();
  EXPECT_THAT(seqs(before.of(kAliceBob)), ElementsAre(10)) << "the index of its snapshot does not have it";
  EXPECT_EQ(before.first(), 10);
  EXPECT_THAT(recent_.view().of(kAliceBob), IsEmpty());
  EXPECT_EQ(recent_.view().first(), 13);
}

TEST_F(RecentMessagesTest, FindsTheNextOfAConversationInEveryGeneration) {
  add(kAliceBob, 10);
  add(kAliceCarol, 11);
  add(kAliceBob, 12);
  recent_.show();
  EXPECT_EQ(recent_.to_index()->conversations(), (std::vector{kAliceBob, kAliceCarol}));
  add(kAliceBob, 13);
  add(kAliceCarol, 14);
  recent_.show();
  const RecentView view = recent_.view();
  EXPECT_EQ(view.first(), 10);
  EXPECT_EQ(view.until(), 14);
  EXPECT_THAT(seqs(view.of(kAliceBob)), ElementsAre(10, 12, 13));
  EXPECT_EQ(view.next(kAliceBob, 0), 10);
  EXPECT_EQ(view.next(kAliceBob, 10), 12);
  EXPECT_EQ(view.next(kAliceBob, 12), 13);
  EXPECT_EQ(view.next(kAliceBob, 13), std::nullopt);
  EXPECT_EQ(view.next(3, 0), std::nullopt);
}

TEST_F(RecentMessagesTest, OneGenerationIsIndexedAtATimeAndOnlyWhenItIsFull) {
  add(kAliceBob, 10);
  recent_.show();
  EXPECT_EQ(recent_.to_index(), nullptr);
  add(kAliceBob, 11);
  add(kAliceBob, 12);
  recent_.show();
  const auto first = recent_.to_index();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(seqs(first->all_of(kAliceBob)), (std::vector<std::int64_t>{10, 11, 12}));
  EXPECT_EQ(recent_.next_first(), 13);
  for (std::int64_t seq = 13; seq < 20; ++seq) add(kAliceBob, seq);
  recent_.show();
  EXPECT_EQ(recent_.to_index(), first);
  recent_.drop_indexed();
  ASSERT_NE(recent_.to_index(), nullptr);
  EXPECT_EQ(recent_.to_index()->size(), 7U);
  EXPECT_EQ(recent_.next_first(), 20);
}

TEST_F(RecentMessagesTest, MayBeReadWhileItIsWritten) {
  constexpr std::int64_t kLast = 5000;
  std::jthread reader([this] {
    for (std::int64_t until = 0; until < kLast;) {
      const RecentView view = recent_.view();
      until = view.until();
      std::int64_t expected = view.first();
      for (const RecentMessage& message : view.of(kAliceBob)) ASSERT_EQ(message.seq, expected++);
      ASSERT_EQ(expected, until + 1);
    }
  });
  for (std::int64_t seq = 10; seq <= kLast; ++seq) {
    add(kAliceBob, seq);
    recent_.show();
    if (seq % 2 == 0 && recent_.to_index() != nullptr) recent_.drop_indexed();
  }
}

}  // namespace
}  // namespace simplechat::adapters::sqlite

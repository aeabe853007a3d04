#include "adapters/rabbitmq/body_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "chat/limits.h"
#include "wire/queue_body.h"

namespace simplechat::adapters::rabbitmq {
namespace {

using chat::limits::kBatchBytesMax;
using chat::limits::kBatchRecordsMax;
using namespace std::chrono_literals;

class CountingObserver final : public PublishObserver {
 public:
  void confirmed() override { ++confirms; }
  void failed(std::string_view /*reason*/) override { ++failures; }
  int confirms = 0;
  int failures = 0;
};

struct SplitPart {
  unsigned partition;
  std::string records;
  std::size_t count;
};

std::vector<SplitPart> split_all(const chat::RecordBatch& batch, unsigned partitions) {
  std::vector<SplitPart> parts;
  split(batch, Topology(partitions), [&](unsigned partition, std::string records, std::size_t count) {
    parts.push_back({partition, std::move(records), count});
  });
  return parts;
}

chat::RecordBatch parsed(std::string_view body) {
  wire::QueueBodyParser parser;
  chat::RecordBatch batch;
  const auto outcome = parser.parse(body, {}, batch);
  EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message);
  return batch;
}

TEST(SplitTest, EachConversationIsInItsPartitionInOrderWithItsMarks) {
  constexpr unsigned kPartitions = 3;
  const Topology topology(kPartitions);
  chat::RecordBatch batch;
  for (int i = 0; i < 100; ++i) {
    const std::string user = "user" + std::to_string(i % 7);
    const bool forth = i % 2 == 0;
    batch.messages.add({.id = std::to_string(i),
                        .from = forth ? user : "peer",
                        .to = forth ? "peer" : user,
                        .payload = "p",
                        .at = i + 1});
    batch.marks.push_back({.user = user, .with = "peer", .kind = chat::MarkKind::read, .at = i + 1});
  }
  std::map<std::string, std::vector<chat::Timestamp>> conversations;
  std::size_t marks = 0;
  for (const SplitPart& part : split_all(batch, kPartitions)) {
    const chat::RecordBatch back = parsed(body_of(part.records));
    EXPECT_EQ(back.size(), part.count);
    marks += back.marks.size();
    for (const chat::MessageView& message : back.messages) {
      EXPECT_EQ(topology.partition_of(message.from, message.to), part.partition);
      conversations[chat::conversation_key(message.from, message.to)].push_back(message.at);
    }
    for (const chat::Mark& mark : back.marks) EXPECT_EQ(topology.partition_of(mark.user, mark.with), part.partition);
  }
  EXPECT_EQ(marks, 100U);
  EXPECT_EQ(conversations.size(), 7U);
  for (const auto& [key, times] : conversations) EXPECT_TRUE(std::ranges::is_sorted(times)) << key;
}

TEST(SplitTest, APartStaysWithinTheBoundsOfABody) {
  chat::RecordBatch batch;
  const std::string payload(chat::limits::kPayloadBytesMax, '\x01');  // grows sixfold
  for (int i = 0; i < 20; ++i) batch.messages.add({.id = "l", .from = "a", .to = "b", .payload = payload, .at = 1});
  for (std::size_t i = 0; i < kBatchRecordsMax * 2 + 1; ++i) {
    batch.messages.add({.id = "s", .from = "a", .to = "b", .payload = "p", .at = 1});
  }
  std::size_t count = 0;
  for (const SplitPart& part : split_all(batch, 1)) {
    EXPECT_LE(part.count, kBatchRecordsMax);
    EXPECT_LE(body_of(part.records).size(), kBatchBytesMax);
    count += part.count;
  }
  EXPECT_EQ(count, batch.size());
}

TEST(SplitTest, AnEmptyBatchHasNoParts) { EXPECT_TRUE(split_all({}, 2).empty()); }

class BodyAssemblerTest : public ::testing::Test {
 protected:
  Part part(std::string records, std::size_t count = 1, std::chrono::milliseconds patience = 5s) {
    observers_.push_back(std::make_shared<CountingObserver>());
    return {.records = std::move(records), .count = count, .observer = observers_.back(), .deadline = now_ + patience};
  }
  void add(std::string records, std::size_t count = 1) { assembler_.add(part(std::move(records), count), now_); }
  std::string next_bytes() {
    const auto body = assembler_.next(now_);
    return body ? body->bytes : "";
  }

  TimePoint now_{1h};
  BodyAssembler assembler_;
  std::vector<std::shared_ptr<CountingObserver>> observers_;
};

TEST_F(BodyAssemblerTest, EverythingThatWaitsIsJoinedIntoOneArrayInOrder) {
  add("1");
  add("2,3", 2);
  add("4");
  EXPECT_FALSE(assembler_.full());
  const auto body = assembler_.next(now_);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(body->bytes, "[1,2,3,4]");
  EXPECT_THAT(body->observers, ::testing::ElementsAreArray(observers_));
  EXPECT_TRUE(assembler_.empty());
  EXPECT_FALSE(assembler_.next(now_).has_value());
}

TEST_F(BodyAssemblerTest, ABodyTakesNoMoreRecordsThanItsBound) {
  add("1", kBatchRecordsMax - 1);
  add("2");
  EXPECT_FALSE(assembler_.full());
  add("3");
  EXPECT_TRUE(assembler_.full());
  EXPECT_EQ(next_bytes(), "[1,2]");
  EXPECT_FALSE(assembler_.full());
  EXPECT_EQ(next_bytes(), "[3]");
}

TEST_F(BodyAssemblerTest, ABodyTakesNoMoreBytesThanItsBound) {
  const std::string half(kBatchBytesMax / 2 - 2, 'h');
  for (int i = 0; i < 3; ++i) add(half);
  EXPECT_TRUE(assembler_.full());
  EXPECT_EQ(next_bytes().size(), 2 * half.size() + 3);
  EXPECT_EQ(next_bytes(), "[" + half + "]");
}

TEST_F(BodyAssemblerTest, APartAtItsDeadlineIsFailedAndNotSent) {
  assembler_.add(part("1", kBatchRecordsMax, 10ms), now_);
  assembler_.add(part("2", 1, 20ms), now_);
  now_ += 10ms;
  EXPECT_EQ(next_bytes(), "[2]");
  EXPECT_EQ(observers_[0]->failures, 1);
  EXPECT_EQ(observers_[1]->failures, 0);
  EXPECT_FALSE(assembler_.full());
}

TEST_F(BodyAssemblerTest, ABodyIsWantedUntilTheLastDeadlineOfItsParts) {
  assembler_.add(part("1", 1, 10ms), now_);
  assembler_.add(part("2", 1, 30ms), now_);
  EXPECT_EQ(assembler_.next(now_)->deadline, now_ + 30ms);
}

TEST_F(BodyAssemblerTest, FailAllFailsEveryWaitingPart) {
  add("1");
  add("2");
  assembler_.fail_all("shutting down");
  EXPECT_TRUE(assembler_.empty());
  EXPECT_EQ(observers_[0]->failures + observers_[1]->failures, 2);
}

}  // namespace
}  // namespace simplechat::adapters::rabbitmq

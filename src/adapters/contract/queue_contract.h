// The contract of chat::MessageQueue and chat::MessageSource as a test suite. Each adapter's test instantiates it, in
// one source file of its program:
//
//   namespace simplechat::adapters::contract {
//   INSTANTIATE_TEST_SUITE_P(Memory, QueueContract, ::testing::Values(QueueFactory(make_harness)));
//   }
//
// Every test gets an empty queue of its own. The test's thread runs the io_context.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/contract/queue_fixture.h"
#include "adapters/contract/run_to_end.h"
#include "chat/limits.h"
#include "chat/message_queue.h"
#include "runtime/reactor.h"

namespace simplechat::adapters::contract {

class QueueContract : public ::testing::TestWithParam<QueueFactory> {
 protected:
  using Ids = std::vector<std::string>;
  using Outcome = std::shared_ptr<std::optional<chat::Result<void>>>;

  QueueContract() : harness_(GetParam()()) {}

  // Starts a publish(); its outcome appears while the io_context runs.
  Outcome publish(chat::RecordBatch batch) { return publish_to(harness_->queue(), std::move(batch)); }
  Outcome publish_to(chat::MessageQueue& queue, chat::RecordBatch batch) {
    auto outcome = std::make_shared<std::optional<chat::Result<void>>>();
    auto task = [](chat::MessageQueue& to, chat::RecordBatch records, Outcome out) -> chat::Task<void> {
      *out = co_await to.publish(records);
    };
    boost::asio::co_spawn(io_, task(queue, std::move(batch), outcome), rethrow);
    return outcome;
  }

  static void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  }

  void expect_published(const Outcome& outcome) {
    run_until(io_, [&] { return outcome->has_value(); });
    EXPECT_TRUE((*outcome)->has_value()) << (*outcome)->error().message;
  }

  chat::MessageSource::Received receive(chat::MessageSource& source) {
    auto received = run_to_end(io_, source.receive());
    if (!received) throw std::runtime_error("receive: " + received.error().message);
    EXPECT_FALSE(received->records.empty());
    return *std::move(received);
  }

  void settle(chat::MessageSource& source, std::uint64_t token) {
    const auto settled = run_to_end(io_, source.settle(token));
    EXPECT_TRUE(settled.has_value()) << settled.error().message;
  }

  // Receives and settles until there are `count` records.
  std::vector<chat::RecordBatch> take(chat::MessageSource& source, std::size_t count) {
    std::vector<chat::RecordBatch> batches;
    for (std::size_t taken = 0; taken < count;) {
      auto received = receive(source);
      taken += received.records.size();
      settle(source, received.token);
      batches.push_back(std::move(received.records));
    }
    return batches;
  }

  static Ids ids_of(const std::vector<chat::RecordBatch>& batches, std::string_view from = {}) {
    Ids ids;
    for (const chat::RecordBatch& batch : batches) {
      for (const chat::MessageView& message : batch.messages) {
        if (from.empty() || message.from == from) ids.emplace_back(message.id);
      }
    }
    return ids;
  }

  boost::asio::io_context io_{1};
  std::unique_ptr<QueueHarness> harness_;
};

TEST_P(QueueContract, AnEmptyBatchIsPublishedAtOnce) { expect_published(publish({})); }

TEST_P(QueueContract, EveryFieldOfARecordComesBackByteForByte) {
  using namespace std::string_view_literals;
  const std::vector<std::string> payloads = {
      "x",
      std::string("nul \0 inside and at the end \0"sv),
      "quotes ' \" \\ / {} [] , \t\r\n\x01\x1f\x7f",
      "\U0001F469\u200D\U0001F4BB\U0001F1E9\U0001F1EA e\u0301 \uFEFF \u2028",
      std::string(chat::limits::kPayloadBytesMax, 'p'),
  };
  chat::RecordBatch sent;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    sent.messages.add({.id = "id ~!'\"\\%" + std::to_string(i),
                       .from = "Al.i_ce-0@h+t",
                       .to = i == 0 ? "#group" : "bob",
                       .payload = payloads[i],
                       .at = 1'700'000'000'000'000 + static_cast<chat::Timestamp>(i)});
  }
  sent.marks = {{.user = "bob", .with = "alice", .kind = chat::MarkKind::read, .at = 9},
                {.user = "alice", .with = "#group", .kind = chat::MarkKind::received, .at = 1'700'000'000'000'001}};

  const auto source = harness_->make_source();
  const Outcome published = publish(sent);
  std::vector<chat::MessageView> messages;
  std::vector<chat::Mark> marks;
  const auto batches = take(*source, sent.size());
  for (const chat::RecordBatch& batch : batches) {
    for (const chat::MessageView& message : batch.messages) messages.push_back(message);
    marks.insert(marks.end(), batch.marks.begin(), batch.marks.end());
  }
  EXPECT_THAT(messages, ::testing::UnorderedElementsAreArray(sent.messages.begin(), sent.messages.end()));
  EXPECT_THAT(marks, ::testing::UnorderedElementsAreArray(sent.marks));
  expect_published(published);
}

TEST_P(QueueContract, RecordsOfAConversationArriveInPublishOrder) {
  constexpr int kBatches = 40;
  constexpr int kUsers = 5;
  std::vector<Outcome> published;
  std::map<std::string, Ids> expected;
  for (int i = 0; i < kBatches; ++i) {
    chat::RecordBatch batch;
    for (int j = 0; j < 10; ++j) {
      const std::string from = "user" + std::to_string(j % kUsers);
      const std::string id = std::to_string(i) + "." + std::to_string(j);
      expected[from].push_back(id);
      add_message(batch, id, from, "peer");
    }
    published.push_back(publish(std::move(batch)));
  }
  const auto source = harness_->make_source();
  const auto batches = take(*source, kBatches * 10);
  for (const auto& [from, ids] : expected) EXPECT_EQ(ids_of(batches, from), ids) << from;
  for (const Outcome& each : published) expect_published(each);
}

TEST_P(QueueContract, ReceiveWaitsForWhatIsPublishedLater) {
  const auto source = harness_->make_source();
  const auto received = std::make_shared<std::optional<chat::Result<chat::MessageSource::Received>>>();
  auto task = [](chat::MessageSource& from, decltype(received) out) -> chat::Task<void> {
    *out = co_await from.receive();
  };
  boost::asio::co_spawn(io_, task(*source, received), rethrow);
  io_.poll();
  EXPECT_FALSE(received->has_value());
  const Outcome published = publish(one_message("1"));
  run_until(io_, [&] { return received->has_value(); });
  ASSERT_TRUE((*received)->has_value());
  EXPECT_EQ((**received)->records.messages[0].id, "1");
  settle(*source, (**received)->token);
  expect_published(published);
}

TEST_P(QueueContract, PublishersOnSeveralReactorsEachKeepTheirOrder) {
  constexpr unsigned kReactors = 3;
  constexpr int kBatches = 30;
  constexpr int kMessages = 10;
  runtime::ReactorPool reactors(kReactors);
  std::atomic<int> confirmed = 0;
  auto publish_many = [&](std::string from) -> chat::Task<void> {
    for (int i = 0; i < kBatches; ++i) {
      chat::RecordBatch batch;
      for (int j = 0; j < kMessages; ++j) add_message(batch, std::to_string(i * kMessages + j), from, "peer");
      const auto outcome = co_await harness_->queue().publish(batch);
      if (outcome) ++confirmed;
    }
  };
  for (unsigned i = 0; i < kReactors; ++i) {
    boost::asio::co_spawn(reactors[i].io(), publish_many("sender" + std::to_string(i)), rethrow);
  }
  reactors.start();
  const auto source = harness_->make_source();
  const auto batches = take(*source, kReactors * kBatches * kMessages);
  run_until(io_, [&] { return confirmed == static_cast<int>(kReactors) * kBatches; });
  reactors.stop();

  Ids expected;
  for (int i = 0; i < kBatches * kMessages; ++i) expected.push_back(std::to_string(i));
  for (unsigned i = 0; i < kReactors; ++i) {
    EXPECT_EQ(ids_of(batches, "sender" + std::to_string(i)), expected) << i;
  }
}

TEST_P(QueueContract, NothingIsReceivedAgainOnceItIsSettled) {
  auto source = harness_->make_source();
  const Outcome first = publish(one_message("1"));
  take(*source, 1);
  expect_published(first);
  source.reset();
  source = harness_->make_source();
  const Outcome second = publish(one_message("2"));
  EXPECT_EQ(ids_of(take(*source, 1)), Ids{"2"});
  expect_published(second);
}

TEST_P(QueueContract, WhatIsNotSettledIsReceivedAgainByTheNextSource) {
  auto source = harness_->make_source();
  const Outcome first = publish(one_message("1"));
  take(*source, 1);
  expect_published(first);
  std::vector<Outcome> published;
  for (const char* id : {"2", "3", "4"}) published.push_back(publish(one_message(id)));
  EXPECT_EQ(receive(*source).records.messages[0].id, "2");
  source.reset();

  source = harness_->make_source();
  EXPECT_EQ(ids_of(take(*source, 3)), (Ids{"2", "3", "4"}));
  for (const Outcome& each : published) expect_published(each);
}

TEST_P(QueueContract, SettlingATokenSettlesEverythingReceivedBeforeIt) {
  auto source = harness_->make_source();
  const Outcome first = publish(one_message("1"));
  receive(*source);
  const Outcome second = publish(one_message("2"));
  settle(*source, receive(*source).token);
  expect_published(first);
  expect_published(second);
  source.reset();

  source = harness_->make_source();
  const Outcome third = publish(one_message("3"));
  EXPECT_EQ(ids_of(take(*source, 1)), Ids{"3"});
  expect_published(third);
}

TEST_P(QueueContract, ABatchOverTheBoundsIsSplit) {
  constexpr std::size_t kMany = chat::limits::kBatchRecordsMax * 5 / 2;
  constexpr std::size_t kLarge = chat::limits::kBatchBytesMax / chat::limits::kPayloadBytesMax * 5 / 2;
  const std::string payload(chat::limits::kPayloadBytesMax, 'p');
  chat::RecordBatch batch;
  Ids expected;
  for (std::size_t i = 0; i < kMany + kLarge; ++i) {
    expected.push_back(std::to_string(i));
    add_message(batch, expected.back(), "alice", "bob", i < kMany ? "small" : std::string_view(payload));
  }
  const auto source = harness_->make_source();
  const Outcome published = publish(std::move(batch));
  const auto batches = take(*source, expected.size());
  for (const chat::RecordBatch& each : batches) {
    EXPECT_LE(each.size(), chat::limits::kBatchRecordsMax);
    EXPECT_LE(each.messages.bytes(), chat::limits::kBatchBytesMax);
  }
  EXPECT_EQ(ids_of(batches), expected);
  expect_published(published);
}

TEST_P(QueueContract, OverTheBoundPublishIsUnavailableAtOnce) {
  const auto stalled = harness_->make_stalled_queue(4 * 1024, std::chrono::hours(1));
  const std::string payload(1024, 'p');
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 8; ++i) {
    chat::RecordBatch batch;
    add_message(batch, std::to_string(i), "alice", "bob", payload);
    outcomes.push_back(publish_to(*stalled, std::move(batch)));
  }
  run_until(io_, [&] { return outcomes.back()->has_value(); });
  EXPECT_FALSE(outcomes.front()->has_value()) << "the first one fits and waits";
  ASSERT_FALSE((*outcomes.back())->has_value());
  EXPECT_EQ((*outcomes.back())->error().code, chat::ErrorCode::unavailable);
}

TEST_P(QueueContract, WithoutAConfirmPublishIsUnavailableAtItsDeadline) {
  const auto stalled = harness_->make_stalled_queue(64 * 1024, std::chrono::milliseconds(50));
  const Outcome outcome = publish_to(*stalled, one_message("1"));
  run_until(io_, [&] { return outcome->has_value(); });
  ASSERT_FALSE((*outcome)->has_value());
  EXPECT_EQ((*outcome)->error().code, chat::ErrorCode::unavailable);
}

TEST_P(QueueContract, DeadLettersAreKeptWithTheirReason) {
  const auto source = harness_->make_source();
  const Outcome published = publish(one_message("refused-id"));
  const auto received = receive(*source);
  const auto kept = run_to_end(io_, source->dead_letter(received.records, "the store refused it"));
  ASSERT_TRUE(kept.has_value()) << kept.error().message;
  settle(*source, received.token);
  expect_published(published);
  const auto letters = harness_->dead_letters(1);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_THAT(letters[0].body, ::testing::HasSubstr("refused-id"));
  EXPECT_EQ(letters[0].reason, "the store refused it");
}

TEST_P(QueueContract, ADeadLetterIsKeptWhileAReceiveWaits) {
  const auto source = harness_->make_source();
  bool received = false;
  auto wait = [](chat::MessageSource& from, bool& done) -> chat::Task<void> {
    done = (co_await from.receive()).has_value();
  };
  boost::asio::co_spawn(io_, wait(*source, received), rethrow);
  io_.poll();
  EXPECT_TRUE(run_to_end(io_, source->dead_letter(one_message("1"), "why")).has_value());
  EXPECT_FALSE(received);
  const Outcome published = publish(one_message("2"));
  run_until(io_, [&] { return received; });
}

}  // namespace simplechat::adapters::contract

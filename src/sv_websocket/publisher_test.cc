#include "sv_websocket/publisher.h"

#include "sv_websocket/fakes_test.h"

namespace simplechat::sv_websocket {
namespace {

using testing::FakeQueue;
using testing::FakeReader;
using testing::run_until;

constexpr std::size_t kBytesMax = 1000;

class PublisherTest : public ::testing::Test {
 protected:
  bool add(const std::string& id, std::size_t payload_bytes = 10) {
    const std::string payload(payload_bytes, 'x');
    return publisher_.add({.session = sender_}, {.id = id, .from = "a", .to = "b", .payload = payload, .at = 1});
  }

  const SessionKey sender_{.slot = 7, .generation = 1};
  runtime::Reactor reactor_{0};
  runtime::TurnEnd turn_end_{reactor_};
  FakeQueue queue_{reactor_};
  FakeReader reader_;
  StoreProgress progress_{reactor_, queue_, reader_};
  std::vector<std::pair<std::string, bool>> settled_;
  int relieved_ = 0;
  std::size_t ended_ = 0;
  Publisher publisher_{reactor_,
                       turn_end_,
                       queue_,
                       progress_,
                       kBytesMax,
                       {.settled =
                            [this](const Publisher::Sender& sender, const chat::MessageView& message,
                                   const chat::Result<void>& outcome, Publisher::TimePoint since) {
                              EXPECT_LE(since, std::chrono::steady_clock::now());
                              EXPECT_EQ(sender.session, sender_);
                              settled_.emplace_back(message.id, outcome.has_value());
                            },
                        .batch_ended = [this](Publisher::TimePoint, std::size_t records) { ended_ += records; },
                        .relieved = [this] { ++relieved_; }}};
};

TEST_F(PublisherTest, TellsTheSenderOnlyAfterTheConfirm) {
  queue_.barrier.hold();
  ASSERT_TRUE(add("1"));
  ASSERT_TRUE(add("2"));
  run_until(reactor_, [&] { return queue_.barrier.waiting() == 1; });
  reactor_.io().poll();
  EXPECT_TRUE(settled_.empty());
  queue_.barrier.let_go();
  run_until(reactor_, [&] { return settled_.size() == 2; });
  EXPECT_EQ(settled_, (std::vector<std::pair<std::string, bool>>{{"1", true}, {"2", true}}));
  EXPECT_EQ(ended_, 2U);
  EXPECT_EQ(queue_.batches.size(), 1U) << "a turn's messages are one batch";
}

TEST_F(PublisherTest, TellsTheSenderOfAFailure) {
  queue_.down = true;
  ASSERT_TRUE(add("1"));
  run_until(reactor_, [&] { return !settled_.empty(); });
  EXPECT_FALSE(settled_[0].second);
}

TEST_F(PublisherTest, RefusesWhatIsOverItsBoundAndRelievesSendersAfterwards) {
  queue_.barrier.hold();
  ASSERT_TRUE(add("1", 600));
  EXPECT_TRUE(publisher_.congested());
  EXPECT_FALSE(add("2", 600)) << "over the bound";
  run_until(reactor_, [&] { return queue_.barrier.waiting() == 1; });
  queue_.barrier.let_go();
  run_until(reactor_, [&] { return relieved_ == 1; });
  EXPECT_FALSE(publisher_.congested());
  EXPECT_TRUE(add("2", 600));
}

TEST_F(PublisherTest, RelievesSendersThatWereHeldUpByWhatCameAfterTheBatchesUnderWay) {
  queue_.barrier.hold();
  for (const char* const id : {"1", "2", "3", "4"}) {
    ASSERT_TRUE(add(id, 110));
    reactor_.io().poll();
  }
  ASSERT_EQ(queue_.barrier.waiting(), 4U);
  EXPECT_FALSE(publisher_.congested());
  ASSERT_TRUE(add("5", 110));
  EXPECT_TRUE(publisher_.congested());
  queue_.barrier.let_go();
  run_until(reactor_, [&] { return settled_.size() == 5; });
  EXPECT_EQ(relieved_, 1);
}

TEST_F(PublisherTest, KeepsAFewBatchesInFlightAndFillsTheNext) {
  queue_.barrier.hold();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(add(std::to_string(i)));
    reactor_.io().poll();
  }
  EXPECT_EQ(queue_.barrier.waiting(), 4U);
  queue_.barrier.let_go();
  run_until(reactor_, [&] { return settled_.size() == 10; });
  EXPECT_EQ(queue_.batches.size(), 5U) << "what came meanwhile is one batch";
}

TEST_F(PublisherTest, DrainsWhatWasTakenAndRefusesTheRest) {
  ASSERT_TRUE(add("1"));
  publisher_.refuse();
  EXPECT_FALSE(add("2"));
  bool drained = false;
  boost::asio::co_spawn(reactor_.executor(),
                        publisher_.drain(std::chrono::steady_clock::now() + std::chrono::seconds(5)),
                        [&](const std::exception_ptr&) { drained = true; });
  run_until(reactor_, [&] { return drained; });
  EXPECT_EQ(settled_.size(), 1U);
}

}  // namespace
}  // namespace simplechat::sv_websocket

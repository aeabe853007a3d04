#include "sv_persist/persister.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace simplechat::sv_persist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Ids = std::vector<std::string>;

constexpr auto kForever = std::chrono::steady_clock::time_point::max();

Ids ids_of(const chat::RecordBatch& batch) {
  Ids ids;
  for (const chat::MessageView& message : batch.messages) ids.emplace_back(message.id);
  for (const chat::Mark& mark : batch.marks) ids.push_back("mark of " + mark.user);
  return ids;
}

chat::RecordBatch messages(const Ids& ids) {
  chat::RecordBatch batch;
  for (const std::string& id : ids) {
    batch.messages.add({.id = id, .from = "alice", .to = "bob", .payload = "hello", .at = 1});
  }
  return batch;
}

// A queue's end that outlives its consumer: what is not settled is delivered again after reconnect().
class FakeSource final : public chat::MessageSource {
 public:
  void deliver(chat::RecordBatch batch) {
    waiting_.push_back(std::move(batch));
    if (arrivals_) arrivals_->wake_all();
  }
  void lose_connection() {
    lost_ = true;
    if (arrivals_) arrivals_->wake_all();
  }
  // For a new consumer on `io`.
  void reconnect(boost::asio::io_context& io) {
    arrivals_.emplace(io.get_executor());
    for (auto unsettled = unsettled_.rbegin(); unsettled != unsettled_.rend(); ++unsettled) {
      waiting_.push_front(std::move(unsettled->records));
    }
    unsettled_.clear();
  }

  chat::Task<chat::Result<Received>> receive() override {
    ++receives;
    while (waiting_.empty() && !lost_) static_cast<void>(co_await arrivals_->wait_until(kForever));
    if (lost_) {
      lost_ = false;
      co_return chat::fail(chat::ErrorCode::unavailable, "connection lost");
    }
    unsettled_.push_back({std::move(waiting_.front()), ++last_token_});
    waiting_.pop_front();
    co_return unsettled_.back();
  }
  chat::Task<chat::Result<void>> settle(std::uint64_t token) override {
    if (settles_failing > 0) {
      --settles_failing;
      co_return chat::fail(chat::ErrorCode::unavailable, "connection lost");
    }
    std::erase_if(unsettled_, [token](const Received& each) { return each.token <= token; });
    ++settles;
    co_return chat::Result<void>{};
  }
  chat::Task<chat::Result<void>> dead_letter(const chat::RecordBatch& records, std::string_view reason) override {
    if (dead_letters_failing > 0) {
      --dead_letters_failing;
      co_return chat::fail(chat::ErrorCode::unavailable, "connection lost");
    }
    for (const std::string& id : ids_of(records)) dead_letters.push_back(id + ": " + std::string(reason));
    co_return chat::Result<void>{};
  }

  [[nodiscard]] std::size_t unsettled() const { return unsettled_.size(); }

  int receives = 0;
  int settles = 0;
  int settles_failing = 0;
  int dead_letters_failing = 0;
  std::vector<std::string> dead_letters;

 private:
  std::optional<runtime::WaitList> arrivals_;
  std::deque<chat::RecordBatch> waiting_;
  std::deque<Received> unsettled_;
  std::uint64_t last_token_ = 0;
  bool lost_ = false;
};

// Survives its writers, as a database does.
class FakeStore final : public chat::MessageStore {
 public:
  void connect(boost::asio::io_context& io) { held_back_.emplace(io.get_executor()); }
  void release() {
    hold = false;
    held_back_->wake_all();
  }

  chat::Task<chat::Result<void>> append(const chat::RecordBatch& batch) override {
    const Ids ids = ids_of(batch);
    if (!batch.empty()) attempts.push_back(ids);
    if (failing > 0) {
      --failing;
      co_return chat::fail(chat::ErrorCode::unavailable, "no connection");
    }
    while (hold && !batch.empty()) static_cast<void>(co_await held_back_->wait_until(kForever));
    for (const std::string& id : ids) {
      if (!refused.contains(id)) continue;
      failing = std::exchange(failing_after_refusal, 0);
      co_return chat::fail(chat::ErrorCode::internal, "refused");
    }
    for (const std::string& id : ids) {
      if (std::ranges::find(stored, id) == stored.end()) stored.push_back(id);
    }
    if (!batch.empty() && answer_gets_lost) {
      answer_gets_lost();
      co_return chat::fail(chat::ErrorCode::unavailable, "no answer");
    }
    co_return chat::Result<void>{};
  }
  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& /*query*/) override {
    return none<chat::HistoryPage>();
  }
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& /*query*/) override {
    return none<chat::ConversationsPage>();
  }
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& /*query*/) override {
    return none<chat::SyncPage>();
  }
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> /*keys*/) override {
    return none<bool>();
  }

  bool hold = false;  // append() waits for release()
  int failing = 0;    // so many calls
  int failing_after_refusal = 0;
  std::set<std::string> refused;
  std::function<void()> answer_gets_lost;  // called after each commit, which the caller then does not learn of
  std::vector<Ids> attempts;
  Ids stored;

 private:
  template <class Answer>
  static chat::Task<chat::Result<Answer>> none() {
    co_return chat::fail(chat::ErrorCode::unavailable, "not read here");
  }
  std::optional<runtime::WaitList> held_back_;
};

class PersisterTest : public ::testing::Test {
 protected:
  // One run of the process.
  struct Process {
    Process(FakeSource& from, FakeStore& to)
        : source(from), store(to), persister(io.get_executor(), from, to, probe, 1) {
      source.reconnect(io);
      store.connect(io);
      boost::asio::co_spawn(io, persister.run(), [this](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
        ended = true;
      });
    }
    ~Process() {
      persister.stop();
      source.lose_connection();
      store.release();
      while (!ended && io.run_one() > 0) {
      }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void run_until(const std::function<bool()>& done) {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("what is waited for did not happen");
        io.restart();
        io.run_one_until(deadline);
      }
    }
    // Everything that can happen without time passing.
    void drain() {
      io.restart();
      io.poll();
    }
    [[nodiscard]] bool counted(const std::string& line) const {
      return metrics.scrape().find("simplechat_" + line + "\n") != std::string::npos;
    }

    FakeSource& source;
    FakeStore& store;
    runtime::MetricsRegistry metrics;
    Probe probe{metrics};
    bool ended = false;
    boost::asio::io_context io;
    Persister persister;
  };

  std::unique_ptr<Process> start() { return std::make_unique<Process>(source_, store_); }

  FakeSource source_;
  FakeStore store_;
};

TEST_F(PersisterTest, SettlesAfterTheCommitAndNotBefore) {
  store_.hold = true;
  source_.deliver(messages({"1", "2"}));
  const auto process = start();
  process->run_until([&] { return !store_.attempts.empty(); });
  process->drain();
  EXPECT_EQ(source_.settles, 0);
  store_.release();
  process->run_until([&] { return source_.settles == 1; });
  EXPECT_THAT(store_.stored, ElementsAre("1", "2"));
  EXPECT_TRUE(process->counted("records_stored_total 2"));
}

TEST_F(PersisterTest, NothingIsReceivedDuringACommitSoThatItGathers) {
  store_.hold = true;
  for (const char* const id : {"1", "2", "3"}) source_.deliver(messages({id}));
  const auto process = start();
  process->run_until([&] { return !store_.attempts.empty(); });
  process->drain();
  EXPECT_EQ(source_.receives, 1);
  EXPECT_THAT(store_.attempts, ElementsAre(Ids{"1"})) << "one commit at a time";
  store_.release();
  process->run_until([&] { return source_.settles == 3; });
  EXPECT_THAT(store_.stored, ElementsAre("1", "2", "3"));
}

TEST_F(PersisterTest, TheLastBatchIsSettledWhileNothingFollows) {
  source_.deliver(messages({"1"}));
  const auto process = start();
  process->run_until([&] { return source_.settles == 1; });
  process->drain();
  EXPECT_EQ(source_.receives, 2) << "and the next receive() waits";
}

TEST_F(PersisterTest, AnUnavailableStoreGetsTheSameBatchAgain) {
  const auto process = start();
  process->run_until([&] { return source_.receives == 1; });
  store_.failing = 3;
  source_.deliver(messages({"1", "2"}));
  process->run_until([&] { return source_.settles == 1; });
  EXPECT_EQ(store_.attempts, std::vector<Ids>(4, Ids{"1", "2"}));
  EXPECT_THAT(store_.stored, ElementsAre("1", "2"));
  EXPECT_THAT(source_.dead_letters, IsEmpty());
  EXPECT_TRUE(process->counted("store_retries_total 3"));
}

TEST_F(PersisterTest, NothingIsTakenFromTheQueueBeforeTheStoreAnswers) {
  store_.failing = 3;
  source_.deliver(messages({"1"}));
  const auto process = start();
  process->run_until([&] { return store_.failing == 0; });
  EXPECT_EQ(source_.receives, 0);
  process->run_until([&] { return source_.settles == 1; });
  EXPECT_THAT(store_.stored, ElementsAre("1"));
}

TEST_F(PersisterTest, RefusedRecordsBecomeDeadLettersAndTheRestIsStoredInOrder) {
  store_.refused = {"3", "10", "mark of carol"};
  chat::RecordBatch batch = messages({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"});
  batch.marks = {{.user = "alice", .with = "bob"}, {.user = "carol", .with = "bob"}};
  source_.deliver(std::move(batch));
  source_.deliver(messages({"12"}));
  const auto process = start();
  process->run_until([&] { return source_.settles == 2; });
  EXPECT_THAT(store_.stored, ElementsAre("1", "2", "4", "5", "6", "7", "8", "9", "11", "mark of alice", "12"));
  EXPECT_THAT(source_.dead_letters, ElementsAre("3: refused", "10: refused", "mark of carol: refused"));
  EXPECT_TRUE(process->counted("records_set_aside_total 3"));
}

TEST_F(PersisterTest, AStoreThatGetsLostAmongTheHalvesIsWaitedFor) {
  store_.refused = {"3"};
  store_.failing_after_refusal = 2;
  source_.deliver(messages({"1", "2", "3", "4"}));
  const auto process = start();
  process->run_until([&] { return source_.settles == 1; });
  EXPECT_TRUE(process->counted("store_retries_total 2"));
  EXPECT_THAT(store_.stored, ElementsAre("1", "2", "4"));
  EXPECT_THAT(source_.dead_letters, ElementsAre("3: refused"));
}

TEST_F(PersisterTest, ARefusedRecordIsNotSettledBeforeItIsKept) {
  store_.refused = {"1"};
  source_.dead_letters_failing = 2;
  source_.deliver(messages({"1"}));
  source_.deliver(messages({"2"}));
  const auto process = start();
  process->run_until([&] { return source_.dead_letters_failing == 0; });
  EXPECT_EQ(source_.settles, 0);
  EXPECT_THAT(store_.stored, IsEmpty()) << "settling 2 would settle 1, too";
  process->run_until([&] { return source_.settles == 2; });
  EXPECT_THAT(source_.dead_letters, ElementsAre("1: refused"));
  EXPECT_THAT(store_.stored, ElementsAre("2"));
}

TEST_F(PersisterTest, AnEndBetweenCommitAndSettleDoublesNothing) {
  source_.deliver(messages({"1", "2"}));
  source_.deliver(messages({"3"}));
  {
    const auto process = start();
    store_.answer_gets_lost = [&] { process->persister.stop(); };
    process->run_until([&] { return !store_.stored.empty(); });
  }
  store_.answer_gets_lost = nullptr;
  ASSERT_THAT(store_.stored, ElementsAre("1", "2"));
  ASSERT_EQ(source_.settles, 0);
  const auto process = start();
  process->run_until([&] { return source_.settles == 2; });
  EXPECT_THAT(store_.stored, ElementsAre("1", "2", "3"));
  EXPECT_EQ(source_.unsettled(), 0U);
}

TEST_F(PersisterTest, ALostQueueIsReceivedFromAgain) {
  const auto process = start();
  process->run_until([&] { return source_.receives == 1; });
  source_.lose_connection();
  process->run_until([&] { return source_.receives == 2; });
  source_.deliver(messages({"1"}));
  process->run_until([&] { return source_.settles == 1; });
  EXPECT_THAT(store_.stored, ElementsAre("1"));
  EXPECT_TRUE(process->counted("queue_connections_lost_total 1"));
}

TEST_F(PersisterTest, ASettleThatFailsStopsNothing) {
  source_.settles_failing = 1;
  source_.deliver(messages({"1"}));
  source_.deliver(messages({"2"}));
  const auto process = start();
  process->run_until([&] { return source_.settles == 1; });
  EXPECT_THAT(store_.stored, ElementsAre("1", "2"));
  EXPECT_TRUE(process->counted("settles_failed_total 1"));
}

TEST_F(PersisterTest, StoppingFinishesTheBatchUnderWay) {
  store_.hold = true;
  source_.deliver(messages({"1"}));
  const auto process = start();
  process->run_until([&] { return !store_.attempts.empty(); });
  process->persister.stop();
  source_.lose_connection();  // as closing it does
  process->drain();
  EXPECT_FALSE(process->ended);
  store_.release();
  process->run_until([&] { return process->ended; });
  EXPECT_EQ(source_.settles, 1);
}

TEST_F(PersisterTest, StoppingWhileTheStoreIsUnavailableLeavesTheBatchInTheQueue) {
  const auto process = start();
  process->run_until([&] { return source_.receives == 1; });
  store_.failing = 1'000'000;
  source_.deliver(messages({"1"}));
  process->run_until([&] { return store_.attempts.size() == 2; });
  process->persister.stop();
  source_.lose_connection();
  process->run_until([&] { return process->ended; });
  EXPECT_EQ(source_.settles, 0);
  EXPECT_EQ(source_.unsettled(), 1U);
}

TEST_F(PersisterTest, StoppingBeforeTheStoreEverAnsweredEndsAtOnce) {
  store_.failing = 1'000'000;
  const auto process = start();
  process->run_until([&] { return store_.failing < 1'000'000; });
  process->persister.stop();
  process->run_until([&] { return process->ended; });
  EXPECT_EQ(source_.receives, 0);
}

}  // namespace
}  // namespace simplechat::sv_persist

#include "sv_websocket/approvals.h"

#include <gmock/gmock.h>

#include <map>

#include "sv_websocket/fakes_test.h"

namespace simplechat::sv_websocket {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::run_until;

constexpr SessionKey kAlice{.slot = 3, .generation = 1};
constexpr SessionKey kBob{.slot = 4, .generation = 1};

// Answers when the test says so, or at once.
class FakeSendHook final : public chat::SendHook {
 public:
  explicit FakeSendHook(runtime::Reactor& reactor) : reactor_(reactor) {}

  chat::Task<chat::Result<chat::Approval>> ask(chat::Message message) override {
    asked.push_back(message.id);
    if (!at_once) {
      boost::asio::steady_timer& timer =
          waiting_.try_emplace(message.id, reactor_.executor(), boost::asio::steady_timer::time_point::max())
              .first->second;
      boost::system::error_code cancelled;
      co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }
    const auto answer = answers_.find(message.id);
    if (answer == answers_.end()) co_return chat::Approval{.payload = std::move(message.payload)};
    co_return std::move(answer->second);
  }
  [[nodiscard]] bool is_asked(const std::string& id) const { return std::ranges::find(asked, id) != asked.end(); }

  // Without `answer`, it is allowed as it is.
  void answer(const std::string& id) {
    run_until(reactor_, [&] { return waiting_.contains(id); });
    waiting_.at(id).cancel();
  }
  void answer(const std::string& id, chat::Result<chat::Approval> with) {
    answers_.emplace(id, std::move(with));
    answer(id);
  }

  bool at_once = false;
  std::vector<std::string> asked;

 private:
  runtime::Reactor& reactor_;
  std::map<std::string, boost::asio::steady_timer> waiting_;
  std::map<std::string, chat::Result<chat::Approval>> answers_;
};

class ApprovalsTest : public ::testing::Test {
 protected:
  static chat::Message message(const std::string& id, std::size_t payload_bytes = 2) {
    return {.id = id, .from = "a", .to = "b", .payload = std::string(payload_bytes, 'x'), .at = 0};
  }
  bool add(const std::string& id, SessionKey session = kAlice) { return approvals_.add(session, message(id)); }
  void run_until_decided(std::size_t count) {
    run_until(reactor_, [&] { return decided_.size() == count; });
  }
  void TearDown() override {
    bool closed = false;
    boost::asio::co_spawn(reactor_.executor(), approvals_.close(), [&](const std::exception_ptr&) { closed = true; });
    for (const std::string& id : hook_.asked) hook_.answer(id);
    run_until(reactor_, [&] { return closed; });
  }

  runtime::Reactor reactor_{0};
  FakeSendHook hook_{reactor_};
  std::vector<std::string> decided_;  // "id payload", or "id !reason"
  std::vector<SessionKey> relieved_;
  Approvals approvals_{
      reactor_,
      hook_,
      {.decided =
           [this](SessionKey, const chat::Message& message, const chat::Result<chat::Approval>& approval) {
             decided_.push_back(message.id + " " + (approval ? approval->payload : "!" + approval.error().message));
           },
       .relieved = [this](SessionKey session) { relieved_.push_back(session); }}};
};

TEST_F(ApprovalsTest, AsksAtTheSameTimeAndDecidesInOrder) {
  for (const char* id : {"1", "2", "3"}) ASSERT_TRUE(add(id));
  run_until(reactor_, [&] { return hook_.asked.size() == 3; });
  hook_.answer("3");
  hook_.answer("2", chat::fail(chat::ErrorCode::forbidden, "no"));
  reactor_.io().poll();
  EXPECT_THAT(decided_, IsEmpty());
  hook_.answer("1", chat::Approval{.payload = "replaced", .replaced = true});
  run_until_decided(3);
  EXPECT_THAT(decided_, ElementsAre("1 replaced", "2 !no", "3 xx"));
  EXPECT_EQ(approvals_.bytes(), 0);
}

TEST_F(ApprovalsTest, OneSessionDoesNotWaitForAnother) {
  ASSERT_TRUE(add("1", kAlice));
  ASSERT_TRUE(add("2", kBob));
  hook_.answer("2");
  run_until_decided(1);
  EXPECT_THAT(decided_, ElementsAre("2 xx"));
}

TEST_F(ApprovalsTest, TakesAnAnswerThatComesAtOnce) {
  hook_.at_once = true;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(add(std::to_string(i)));
    ASSERT_TRUE(add(std::to_string(i), kBob));
  }
  run_until_decided(200);
  EXPECT_EQ(approvals_.bytes(), 0);
  EXPECT_FALSE(approvals_.full(kAlice));
  hook_.asked.clear();
}

TEST_F(ApprovalsTest, ASessionHasSoManyUnderWayAndIsRelievedAtHalf) {
  constexpr std::size_t kMany = Approvals::kSessionAsksMax + 3;
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(approvals_.full(kAlice), i >= Approvals::kSessionAsksMax);
    ASSERT_TRUE(add(std::to_string(i)));
  }
  run_until(reactor_, [&] { return hook_.asked.size() == Approvals::kSessionAsksMax; });
  reactor_.io().poll();
  EXPECT_EQ(hook_.asked.size(), Approvals::kSessionAsksMax);
  EXPECT_FALSE(approvals_.full(kBob));
  std::size_t next = 0;
  for (; kMany - next > Approvals::kSessionAsksMax / 2; ++next) {
    EXPECT_TRUE(approvals_.full(kAlice));
    EXPECT_THAT(relieved_, IsEmpty());
    hook_.answer(std::to_string(next));
    run_until_decided(next + 1);
  }
  EXPECT_THAT(relieved_, ElementsAre(kAlice));
  EXPECT_FALSE(approvals_.full(kAlice));
  for (; next < kMany; ++next) hook_.answer(std::to_string(next));
  run_until_decided(kMany);
  EXPECT_EQ(decided_.back(), std::to_string(kMany - 1) + " xx");
}

TEST_F(ApprovalsTest, ASessionThatEndsDropsWhatItWaitsFor) {
  ASSERT_TRUE(add("1"));
  ASSERT_TRUE(add("2"));
  ASSERT_TRUE(add("other", kBob));
  run_until(reactor_, [&] { return hook_.asked.size() == 3; });
  EXPECT_THAT(approvals_.drop(kAlice), ElementsAre("1", "2"));
  EXPECT_THAT(approvals_.drop(kAlice), IsEmpty());
  ASSERT_TRUE(add("3"));  // of another registration on the same connection
  hook_.answer("1");
  hook_.answer("2");
  hook_.answer("3");
  hook_.answer("other");
  run_until_decided(2);
  EXPECT_THAT(decided_, ::testing::UnorderedElementsAre("3 xx", "other xx"));
  EXPECT_EQ(approvals_.bytes(), 0);
}

TEST_F(ApprovalsTest, RefusesWhenItIsToldTo) {
  ASSERT_TRUE(add("1"));
  run_until(reactor_, [&] { return hook_.asked.size() == 1; });
  approvals_.refuse();
  EXPECT_FALSE(add("2"));
  hook_.answer("1");
  run_until_decided(1);
}

TEST_F(ApprovalsTest, TakesNoMoreThanItsBound) {
  constexpr std::size_t kPayload = 60'000;
  std::size_t taken = 0;
  while (taken < 1000 && approvals_.add({.slot = static_cast<std::uint32_t>(taken), .generation = 1},
                                        message(std::to_string(taken), kPayload))) {
    ++taken;
  }
  EXPECT_LE(approvals_.bytes(), Approvals::kBytesMax);
  EXPECT_GT(approvals_.bytes(), Approvals::kBytesMax - 2 * kPayload - 1000);
  EXPECT_FALSE(approvals_.add(kBob, message("one more", kPayload)));
  run_until(reactor_, [&] { return hook_.asked.size() == taken; });
  EXPECT_THAT(approvals_.drop({.slot = 0, .generation = 1}), ElementsAre("0"));
  EXPECT_FALSE(approvals_.add(kBob, message("one more", kPayload))) << "its call is under way still";
  const std::size_t before = approvals_.bytes();
  hook_.answer("0");
  run_until(reactor_, [&] { return approvals_.bytes() < before; });
  EXPECT_TRUE(approvals_.add(kBob, message("one more", kPayload)));
  run_until(reactor_, [&] { return hook_.asked.size() == taken + 1; });
}

}  // namespace
}  // namespace simplechat::sv_websocket

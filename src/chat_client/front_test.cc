// The two fronts, each on a session with a hand for a server.
#include <gtest/gtest.h>

#include <memory>

#include "chat_client/script_front.h"
#include "chat_client/session_fixture_test.h"
#include "chat_client/terminal_front.h"

namespace simplechat::chat_client {
namespace {

std::tm utc(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return parts;
}

class FrontFixture : public SessionFixture {
 protected:
  using SessionFixture::SessionFixture;

  void carry() {
    for (auto happened = events(); !happened.empty(); happened = events()) {
      for (Event& event : happened) front_->handle(std::move(event), now_);
    }
    output_ += front_->take_output();
    errors_ += front_->take_errors();
  }
  void registered(bool syncs) {
    session_.start(now_);
    front_->start(now_);
    static_cast<void>(session_.take_order());
    session_.link_opened(now_);
    from_server(R"({"type":"registered","user":"alice","session":"s","at":1})");
    if (syncs) {
      answer_sync({}, "c0");
      settle("c0");
    }
    carry();
  }
  std::string take_output() { return std::exchange(output_, {}); }
  void wake_front() {
    ASSERT_TRUE(front_->next_wake());
    now_ = std::max(now_, *front_->next_wake());
    front_->wake(now_);
    carry();
  }

  Settings settings_;
  std::unique_ptr<Front> front_;
  std::string output_;
  std::string errors_;
};

class Script : public FrontFixture {
 protected:
  Script() : FrontFixture({.me = "alice", .token = fixed_token(""), .receives = false, .history_with = {}}) {
    settings_ = {.me = "alice", .to = "bob", .timeout = Milliseconds(30'000)};
  }
  void begin(const Plan& plan) {
    front_ = std::make_unique<ScriptFront>(session_, settings_, plan, utc);
    registered(false);
  }
  void ack_all() {
    while (!session_.outbox().empty()) ack(session_.outbox().entries().front().message.id, "bob", 5);
    carry();
  }
};

TEST_F(Script, EndsWhenEverythingIsAcked) {
  settings_.texts = {"one", "two"};
  begin({.prints_json = true});
  EXPECT_FALSE(front_->exit_code());
  EXPECT_EQ(session_.outbox().size(), 2U);
  ack_all();
  EXPECT_EQ(front_->exit_code(), kOk);
  EXPECT_EQ(output_ + errors_, "");
}

TEST_F(Script, SaysWhatWasNotAckedInTime) {
  settings_.texts = {"one", "two"};
  begin({.prints_json = true});
  lose();
  wake_front();
  EXPECT_EQ(front_->exit_code(), kNotAcked);
  EXPECT_EQ(errors_, "simplechat: 2 messages not acknowledged within 30 s: gone\n");
}

TEST_F(Script, SendsEachLineOfStdin) {
  begin({.reads_stdin = true, .prints_json = true});
  EXPECT_TRUE(front_->wants_input());
  front_->input("one\n\ntwo\nth", now_);
  EXPECT_EQ(session_.outbox().size(), 2U);
  front_->input_ended(now_);
  EXPECT_EQ(session_.outbox().entries().back().message.payload, "th");
  EXPECT_FALSE(front_->exit_code());
  ack_all();
  EXPECT_EQ(front_->exit_code(), kOk);
}

TEST_F(Script, ReadsNoMoreThanItCanSend) {
  begin({.reads_stdin = true, .prints_json = true});
  std::string lines;
  for (std::size_t i = 0; i < Outbox::kMessagesMax + 10; ++i) lines += "x\n";
  front_->input(lines, now_);
  EXPECT_EQ(session_.outbox().size(), Outbox::kMessagesMax);
  EXPECT_FALSE(front_->wants_input());
  ack_all();
  ack_all();
  EXPECT_TRUE(front_->wants_input());
  front_->input_ended(now_);
  EXPECT_EQ(front_->exit_code(), kOk);
}

TEST_F(Script, ABadLineFailsAfterTheLinesBeforeIt) {
  settings_.json = true;
  begin({.reads_stdin = true, .prints_json = true, .prints_acked = true});
  front_->input("{\"payload\":\"x\",\"to\":\"bob\",\"id\":\"i7\"}\nnonsense\n{\"payload\":\"y\"}\n", now_);
  carry();
  EXPECT_EQ(session_.outbox().size(), 1U);
  EXPECT_FALSE(front_->wants_input());
  EXPECT_FALSE(front_->exit_code());
  ack_all();
  EXPECT_EQ(front_->exit_code(), kFailed);
  EXPECT_EQ(output_, R"({"id":"i7","from":"alice","to":"bob","payload":"x","at":5})"
                     "\n");
  EXPECT_TRUE(errors_.starts_with("simplechat: line 2 of stdin: ")) << errors_;
}

TEST_F(Script, ALineThatIsNotUtf8OrTooLongFails) {
  begin({.reads_stdin = true, .prints_json = true});
  front_->input("ok\n\xff\n", now_);
  carry();
  EXPECT_EQ(errors_, "simplechat: line 2 of stdin: is not UTF-8\n");
  ack_all();
  EXPECT_EQ(front_->exit_code(), kFailed);
}

TEST_F(Script, ARefusedMessageFails) {
  settings_.texts = {"one"};
  begin({.prints_json = true});
  refuse(chat::ErrorCode::not_found, session_.outbox().entries().front().message.id);
  carry();
  EXPECT_EQ(front_->exit_code(), kFailed);
  EXPECT_TRUE(errors_.contains("refused: no (not_found)")) << errors_;
}

TEST_F(Script, IsToldApartIfItIsNotLetIn) {
  settings_.texts = {"one"};
  begin({.prints_json = true});
  lose(4501);
  carry();
  EXPECT_EQ(front_->exit_code(), kUnauthorized);
  EXPECT_EQ(errors_, "simplechat: 1 message not acknowledged: gone\n");
}

TEST_F(Script, InterruptedItWaitsForTheAcksAWhile) {
  settings_.texts = {"one"};
  begin({.prints_json = true});
  front_->interrupted(now_);
  EXPECT_FALSE(front_->exit_code());
  front_->interrupted(now_);
  EXPECT_EQ(front_->exit_code(), kNotAcked);
}

TEST_F(Script, AHistoryThatIsAwayIsAskedForAgain) {
  begin({.prints_json = true, .history = 5});
  ASSERT_TRUE(session_.request_history("bob", 5, now_));
  refuse(chat::ErrorCode::unavailable, {}, take_ref("history"));
  carry();
  wake_front();
  answer_history("bob", {message("a", "bob", "alice", 10, "\x1b")});
  carry();
  EXPECT_EQ(front_->exit_code(), kOk);
  EXPECT_EQ(output_, "{\"id\":\"a\",\"from\":\"bob\",\"to\":\"alice\",\"payload\":\"\\u001b\",\"at\":10}\n");
}

class Follow : public FrontFixture {
 protected:
  Follow() {
    settings_ = {.me = "alice", .follows = true};
    settings_.to = "bob";
    front_ = std::make_unique<ScriptFront>(session_, settings_, Plan{.prints_json = true}, utc);
    registered(true);
  }
};

TEST_F(Follow, PrintsOneConversationUntilItIsEnded) {
  deliver(message("a", "bob", "alice", 10));
  deliver(message("b", "carol", "alice", 11));
  deliver(message("c", "alice", "bob", 12));  // from another session of alice
  carry();
  EXPECT_EQ(output_,
            "{\"id\":\"a\",\"from\":\"bob\",\"to\":\"alice\",\"payload\":\"text\",\"at\":10}\n"
            "{\"id\":\"c\",\"from\":\"alice\",\"to\":\"bob\",\"payload\":\"text\",\"at\":12}\n");
  lose();
  carry();
  EXPECT_EQ(errors_, "simplechat: gone; connecting again\n");
  EXPECT_FALSE(front_->exit_code());
  front_->interrupted(now_);
  EXPECT_EQ(front_->exit_code(), kOk);
}

class Person : public FrontFixture {
 protected:
  Person() {
    settings_ = {.me = "alice", .to = "bob"};
    auto front = std::make_unique<TerminalFront>(session_, settings_, Plan{.interactive = true}, utc, [] {});
    front->resize(40);
    front_ = std::move(front);
    registered(true);
    take_output();
  }
  void type(std::string_view keys) {
    front_->input(keys, now_);
    carry();
  }
};

TEST_F(Person, AnOwnMessageWaitsBelowUntilItIsAcked) {
  type("hi\r");
  EXPECT_TRUE(output_.contains("  … hi")) << output_;
  take_output();
  deliver(message("x", "bob", "alice", 60'000'000, "meanwhile"));
  carry();
  EXPECT_LT(output_.find("meanwhile"), output_.find("  … hi")) << output_;
  take_output();
  ack(session_.outbox().entries().front().message.id, "bob", 120'000'000);
  carry();
  EXPECT_TRUE(output_.contains("00:02\x1b[0m \x1b[1malice:\x1b[0m hi\n")) << output_;
  EXPECT_TRUE(output_.contains("  sent")) << output_;
  EXPECT_FALSE(output_.contains("  … hi")) << output_;
  take_output();
  from_server(R"({"type":"read","from":"bob","with":"alice","at":120000000})");
  carry();
  EXPECT_TRUE(output_.contains("read by bob")) << output_;
}

TEST_F(Person, NothingRawReachesTheTerminal) {
  deliver(message("x", "bob", "alice", 1, "\x1b]0;evil\x07\xc2\x9b[2J"));
  carry();
  EXPECT_TRUE(output_.contains("\\x1b]0;evil\\x07\\x9b[2J")) << output_;
  EXPECT_FALSE(output_.contains("\x1b]")) << output_;
  EXPECT_FALSE(output_.contains("\xc2\x9b")) << output_;
}

TEST_F(Person, SeesWhoIsWriting) {
  from_server(R"({"type":"typing","from":"carol","to":"alice"})");
  carry();
  EXPECT_FALSE(output_.contains("writing")) << output_;
  from_server(R"({"type":"typing","from":"bob","to":"alice"})");
  carry();
  EXPECT_TRUE(output_.contains("bob is writing")) << output_;
  take_output();
  wake_front();
  EXPECT_NE(output_, "");
  EXPECT_FALSE(output_.contains("bob is writing")) << output_;
}

TEST_F(Person, TellsThatSheIsWritingAndHasRead) {
  frames();
  type("h");
  EXPECT_EQ(types(frames()), std::vector<std::string>{"typing"});
  type("\x15/to");
  EXPECT_TRUE(frames().empty());
  deliver(message("x", "bob", "alice", 7));
  carry();
  sleep();
  EXPECT_EQ(frames(), std::vector<std::string>{R"({"type":"read","with":"bob","at":7})"});
}

TEST_F(Person, HasCommands) {
  type("/to carol\r");
  EXPECT_TRUE(output_.contains("writing to carol")) << output_;
  answer_history("carol", {message("h", "carol", "alice", 3, "earlier")});
  carry();
  EXPECT_TRUE(output_.contains("earlier")) << output_;
  type("//to\r");
  EXPECT_EQ(session_.outbox().entries().back().message.payload, "/to");
  EXPECT_EQ(session_.outbox().entries().back().message.to, "carol");
  take_output();
  type("/nonsense\r");
  EXPECT_TRUE(output_.contains("there is no command")) << output_;
  type("/history 0\r/history x\r");
  EXPECT_TRUE(output_.contains("takes a number")) << output_;
  EXPECT_FALSE(front_->exit_code());
}

TEST_F(Person, LeavesWithEverythingAcked) {
  type("hi\r/quit\r");
  EXPECT_FALSE(front_->exit_code());
  EXPECT_TRUE(output_.contains("waiting for 1 message")) << output_;
  ack(session_.outbox().entries().front().message.id, "bob", 5);
  carry();
  EXPECT_EQ(front_->exit_code(), kOk);
  EXPECT_TRUE(output_.contains("hi\n")) << output_;
}

TEST_F(Person, IsToldWhatWasNotAcked) {
  type("hi\r\x04");
  wake_front();
  EXPECT_EQ(front_->exit_code(), kNotAcked);
  EXPECT_TRUE(output_.contains("1 message not acknowledged")) << output_;
}

}  // namespace
}  // namespace simplechat::chat_client

#include "chat_client/client_session.h"

#include <gtest/gtest.h>

#include "chat_client/message_id.h"
#include "chat_client/session_fixture_test.h"

namespace simplechat::chat_client {
namespace {

using Ids = std::vector<std::string>;

class Session : public SessionFixture {};

TEST_F(Session, RegistersAndSendsAndTellsOfTheAck) {
  go_online();
  EXPECT_EQ(say("hi", "m1"), Submitted::taken);
  EXPECT_EQ(frames(), Ids{R"({"type":"normal","to":"bob","id":"m1","payload":"hi"})"});
  EXPECT_TRUE(of<Acked>(events()).empty());
  ack("m1", "bob", 77);
  const auto happened = events();
  ASSERT_EQ(of<Acked>(happened).size(), 1U);
  EXPECT_EQ(of<Acked>(happened)[0].message.at, 77);
  EXPECT_EQ(of<Shown>(happened).size(), 1U);
  EXPECT_TRUE(session_.outbox().empty());
  ack("m1", "bob", 78);
  EXPECT_TRUE(events().empty());
}

TEST_F(Session, SendsNothingBeforeItIsRegistered) {
  session_.start(now_);
  EXPECT_EQ(say("hi"), Submitted::taken);
  session_.link_opened(now_);
  EXPECT_EQ(types(frames()), Ids{"register"});
  from_server(R"({"type":"registered","user":"alice","session":"s","at":1})");
  EXPECT_EQ(types(frames()), (Ids{"normal", "sync"}));
}

TEST_F(Session, RepeatsWhatIsNotAckedInOrderUnderTheSameIds) {
  go_online();
  say("1", "a");
  say("2", "b");
  say("3", "c");
  const auto first = frames();
  ack("b", "bob", 5);
  lose();
  EXPECT_TRUE(session_.take_order().drop);
  say("4", "d");
  EXPECT_TRUE(frames().empty());
  sleep();
  open_and_register();
  auto again = frames();
  std::erase_if(again, [](const std::string& frame) { return type_of(frame) != "normal"; });
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(again[0], first[0]);
  EXPECT_EQ(again[1], first[2]);
}

TEST_F(Session, TheOutboxIsBounded) {
  for (std::size_t i = 0; i < Outbox::kMessagesMax; ++i) EXPECT_EQ(say("x"), Submitted::taken);
  EXPECT_EQ(say("x"), Submitted::full);
}

TEST_F(Session, TheSameIdTwiceIsOneMessage) {
  go_online();
  EXPECT_EQ(say("x", "a"), Submitted::taken);
  EXPECT_EQ(say("x", "a"), Submitted::repeated);
  EXPECT_EQ(frames().size(), 1U);
  EXPECT_EQ(session_.submit({.to = "carol", .payload = "x", .id = "a"}, now_), Submitted::taken);  // another recipient
}

TEST_F(Session, AnUnavailableMessageIsRepeatedLater) {
  go_online();
  say("x", "a");
  frames();
  refuse(chat::ErrorCode::unavailable, "a", {}, 700);
  say("y", "b");
  EXPECT_TRUE(frames().empty());  // in order, and not now
  const Instant before = now_;
  sleep();
  EXPECT_GE(now_ - before, Milliseconds(700));
  EXPECT_EQ(types(frames()), (Ids{"normal", "normal"}));
  EXPECT_TRUE(of<Refused>(events()).empty());
}

TEST_F(Session, AForbiddenMessageIsGivenUp) {
  go_online();
  say("x", "a");
  refuse(chat::ErrorCode::not_found, "a");
  const auto refused = of<Refused>(events());
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].reason, "no (not_found)");
  EXPECT_TRUE(session_.outbox().empty());
}

TEST_F(Session, BacksOffWithFullJitterUpToHalfAMinute) {
  session_.start(now_);
  Milliseconds greatest{0};
  for (int i = 0; i < 200; ++i) {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    EXPECT_TRUE(session_.take_order().open);
    lose();
    EXPECT_TRUE(session_.take_order().drop);
    const auto waiting = of<Waiting>(events());
    ASSERT_EQ(waiting.size(), 1U);
    const Milliseconds bound = std::min(Milliseconds(30'000), Milliseconds(500) * (1 << std::min(i, 10)));
    EXPECT_LE(waiting[0].delay, bound);
    greatest = std::max(greatest, waiting[0].delay);
    sleep();
  }
  EXPECT_GT(greatest, Milliseconds(20'000));
}

TEST_F(Session, RegistrationErrorsThatAreFinal) {
  for (const auto code : {chat::ErrorCode::unauthorized, chat::ErrorCode::forbidden, chat::ErrorCode::bad_frame}) {
    ClientSession session(
        {.me = "alice", .token = fixed_token("t"), .receives = true, .history_with = {}}, [] { return 0U; },
        [] { return 0U; });
    session.start(now_);
    session.link_opened(now_);
    std::string text;
    wire::append_error(text, {code, "no"});
    session.frame_received(text, now_);
    const auto ended = of<Ended>(session.take_events());
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].unauthorized, code != chat::ErrorCode::bad_frame);
    EXPECT_FALSE(session.next_wake());
    session.link_lost({.reason = "closed", .close_code = 4501}, now_);
    EXPECT_TRUE(session.take_events().empty());
  }
}

class TokenInAFile : public SessionFixture {
 protected:
  TokenInAFile()
      : SessionFixture({.me = "alice", .token = [this] { return token_; }, .receives = false, .history_with = {}}) {}

  // The token of the next `register`.
  std::string connect() {
    EXPECT_TRUE(session_.take_order().open);
    session_.link_opened(now_);
    const auto sent = frames();
    from_server(R"({"type":"registered","user":"alice","session":"s","at":1})");
    return sent.empty() ? "" : sent[0];
  }

  std::expected<std::string, std::string> token_ = "one";
};

TEST_F(TokenInAFile, IsReadAnewForEachConnect) {
  session_.start(now_);
  EXPECT_TRUE(connect().contains(R"("token":"one")"));
  lose();
  token_ = "two";
  sleep();
  EXPECT_TRUE(connect().contains(R"("token":"two")"));
}

TEST_F(TokenInAFile, WhenItHasExpiredAnotherOneIsTaken) {
  session_.start(now_);
  connect();
  events();
  token_ = "two";
  lose(4501);
  const auto waiting = of<Waiting>(events());
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_LE(waiting[0].delay, Milliseconds(500));
  sleep();
  EXPECT_TRUE(connect().contains(R"("token":"two")"));
  lose(4501);  // and no other is there
  const auto ended = of<Ended>(events());
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_TRUE(ended[0].unauthorized);
  EXPECT_FALSE(session_.next_wake());
}

TEST_F(TokenInAFile, OnlyTheTokenOfARegisteredSessionExpires) {
  session_.start(now_);
  EXPECT_TRUE(session_.take_order().open);
  session_.link_opened(now_);
  token_ = "two";
  lose(4501);
  EXPECT_EQ(of<Ended>(events()).size(), 1U);
}

TEST_F(TokenInAFile, ThatCannotBeReadIsWaitedFor) {
  session_.start(now_);
  connect();
  events();
  token_ = std::unexpected("no such file");
  lose(4501);
  events();
  sleep();
  EXPECT_FALSE(session_.take_order().open);
  const auto waiting = of<Waiting>(events());
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].reason, "no such file");
  token_ = "two";
  sleep();
  EXPECT_TRUE(connect().contains(R"("token":"two")"));
}

TEST_F(Session, OtherRegistrationErrorsAreTriedAgain) {
  session_.start(now_);
  session_.link_opened(now_);
  refuse(chat::ErrorCode::unavailable, {}, {}, 1234);
  const auto waiting = of<Waiting>(events());
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_GE(waiting[0].delay, Milliseconds(1234));
}

TEST_F(Session, CloseCodesFrom4500AreFinal) {
  go_online();
  lose(4499);
  EXPECT_EQ(of<Waiting>(events()).size(), 1U);
  sleep();
  open_and_register();
  lose(4529);
  EXPECT_EQ(of<Ended>(events()).size(), 1U);
  EXPECT_TRUE(session_.ended());
  EXPECT_FALSE(session_.next_wake());
}

TEST_F(Session, LeavesADrainingServerWithinTheTimeItGives) {
  go_online();
  random_ = 350;
  const Instant before = now_;
  from_server(R"({"type":"draining","afterMs":500})");
  sleep();
  EXPECT_EQ(now_ - before, Milliseconds(350));
  const LinkOrder order = session_.take_order();
  EXPECT_TRUE(order.drop);
  EXPECT_TRUE(order.open);
}

TEST_F(Session, ASilentServerIsLeft) {
  session_.start(now_);
  sleep();
  EXPECT_EQ(of<Waiting>(events()).size(), 1U);  // no connection
  sleep();
  open_and_register();
  answer_sync({}, "c");
  settle("c");
  events();
  for (int i = 0; i < 10 && of<Waiting>(events()).empty(); ++i) {
    sleep();
    for (const std::string& frame : frames()) {
      if (type_of(frame) == "sync") refuse(chat::ErrorCode::unavailable, {}, "\"s9\"");
    }
  }
  EXPECT_FALSE(session_.online());
  EXPECT_EQ(session_.trouble(), "the server does not answer");
}

TEST_F(Session, AnAnsweredPingKeepsTheConnection) {
  go_online();
  for (int i = 0; i < 20; ++i) {
    sleep();
    for (const std::string& frame : frames()) {
      if (type_of(frame) == "ping") from_server(R"({"type":"pong","ref":"p","at":1})");
      if (type_of(frame) == "sync")
        from_server(R"({"type":"sync","ref":"s3","messages":[],"cursor":"c0","more":false})");
    }
  }
  EXPECT_TRUE(session_.online());
}

TEST_F(Session, WhatIsNotOfTheContractEndsTheConnection) {
  go_online();
  from_server("<html>");
  EXPECT_FALSE(session_.online());
  EXPECT_TRUE(session_.take_order().drop);
}

TEST_F(Session, TypingIsToldAtMostEveryThreeSeconds) {
  go_online();
  session_.tell_typing("bob", now_);
  session_.tell_typing("bob", now_);
  EXPECT_EQ(frames().size(), 1U);
  pass(Milliseconds(3'000));
  session_.tell_typing("bob", now_);
  EXPECT_EQ(frames().size(), 1U);
}

TEST_F(Session, MarksAreJoined) {
  go_online();
  session_.mark(chat::MarkKind::received, "bob", 5, now_);
  session_.mark(chat::MarkKind::read, "bob", 7, now_);
  session_.mark(chat::MarkKind::received, "bob", 6, now_);
  EXPECT_TRUE(frames().empty());
  sleep();
  EXPECT_EQ(frames(), Ids{R"({"type":"read","with":"bob","at":7})"});
}

TEST_F(Session, HistoryIsReadPageByPage) {
  go_online();
  ASSERT_TRUE(session_.request_history("bob", 3, now_));
  answer_history("bob", {message("b", "bob", "alice", 20), message("c", "bob", "alice", 30)}, true);
  EXPECT_TRUE(request_.contains(R"("limit":3)")) << request_;
  answer_history("bob", {message("a", "bob", "alice", 10)}, true);
  EXPECT_TRUE(request_.contains(R"("before":20)")) << request_;
  EXPECT_TRUE(request_.contains(R"("limit":1)")) << request_;
  const auto loaded = of<HistoryLoaded>(events());
  ASSERT_EQ(loaded.size(), 1U);
  ASSERT_EQ(loaded[0].messages.size(), 3U);
  EXPECT_EQ(loaded[0].messages[0].id, "a");
  EXPECT_EQ(loaded[0].messages[2].id, "c");
}

TEST_F(Session, AHistoryGoesOnAfterALoss) {
  go_online();
  ASSERT_TRUE(session_.request_history("bob", 3, now_));
  lose();
  sleep();
  open_and_register();
  answer_history("bob", {message("a", "bob", "alice", 10)});
  EXPECT_EQ(of<HistoryLoaded>(events()).size(), 1U);
}

TEST_F(Session, AStoredMessageNeedsNoAck) {
  go_online();
  say("x", "a");
  lose();
  sleep();
  open_and_register();
  answer_sync({message("a", "alice", "bob", 44, "x")}, "c1");
  EXPECT_TRUE(session_.outbox().empty());
  settle("c1");
  EXPECT_EQ(shown(), "a ");
}

class FirstHistory : public SessionFixture {
 protected:
  FirstHistory()
      : SessionFixture(
            {.me = "alice", .token = fixed_token(""), .receives = true, .history_with = "bob", .history_count = 20}) {}
};

TEST_F(FirstHistory, LiveMessagesWaitForIt) {
  register_first();
  deliver(message("n2", "bob", "alice", 52));
  answer_sync({}, "c0");
  deliver(message("n1", "bob", "alice", 51));
  EXPECT_EQ(shown(), "");
  answer_history("bob", {message("o", "bob", "alice", 10), message("n1", "bob", "alice", 51)});
  const auto first = events();
  EXPECT_EQ(of<HistoryLoaded>(first).size(), 1U);
  EXPECT_TRUE(of<Shown>(first).empty());
  settle("c0");
  const auto happened = events();
  ASSERT_EQ(of<Shown>(happened).size(), 1U);
  EXPECT_EQ(of<Shown>(happened)[0].message.id, "n2");
}

TEST_F(FirstHistory, LiveMessagesDoNotWaitForOneThatFails) {
  register_first();
  answer_sync({}, "c0");
  deliver(message("n1", "bob", "alice", 51));
  refuse(chat::ErrorCode::unavailable, {}, take_ref("history"));
  EXPECT_EQ(of<HistoryFailed>(events()).size(), 1U);
  settle("c0");
  EXPECT_EQ(shown(), "n1 ");
}

TEST_F(FirstHistory, LiveMessagesDoNotWaitForAStoreThatIsAway) {
  register_first();
  deliver(message("n1", "bob", "alice", 51));
  refuse(chat::ErrorCode::unavailable, {}, take_ref("sync"));
  refuse(chat::ErrorCode::unavailable, {}, take_ref("history"));
  EXPECT_EQ(shown(), "n1 ");
}

class SendOnly : public SessionFixture {
 protected:
  SendOnly() : SessionFixture({.me = "alice", .token = fixed_token("t"), .receives = false, .history_with = {}}) {}
};

TEST_F(SendOnly, AsksForNothingAndShowsNothing) {
  session_.start(now_);
  session_.link_opened(now_);
  EXPECT_EQ(frames(), Ids{R"({"type":"register","from":"alice","token":"t"})"});
  from_server(R"({"type":"registered","user":"alice","session":"s","at":1})");
  EXPECT_TRUE(frames().empty());
  deliver(message("n1", "bob", "alice", 51));
  say("x", "a");
  ack("a", "bob", 5);
  const auto happened = events();
  EXPECT_TRUE(of<Shown>(happened).empty());
  EXPECT_EQ(of<Acked>(happened).size(), 1U);
}

TEST(MessageId, IsAUuidOfVersion7) {
  EXPECT_EQ(make_message_id(0x0123456789ab, 0, 0), "01234567-89ab-7000-8000-000000000000");
  EXPECT_EQ(make_message_id(0x0123456789ab, ~0ULL, ~0ULL), "01234567-89ab-7fff-bfff-ffffffffffff");
}

}  // namespace
}  // namespace simplechat::chat_client

// A ClientSession with a hand for a server, for tests: time and randomness are the test's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "chat_client/client_session.h"
#include "wire/server_frame.h"

namespace simplechat::chat_client {

inline chat::Message message(std::string id, std::string from, std::string to, chat::Timestamp at,
                             std::string payload = "text") {
  return {.id = std::move(id), .from = std::move(from), .to = std::move(to), .payload = std::move(payload), .at = at};
}

class SessionFixture : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kRandom = 1'000'003;

  explicit SessionFixture(
      SessionOptions options = {.me = "alice", .token = fixed_token(""), .receives = true, .history_with = {}})
      : session_(std::move(options), [this] { return random_++; }, [] { return std::uint64_t{1'700'000'000'000}; }) {}

  // To `registered`; what came of it until then is thrown away.
  void register_first() {
    session_.start(now_);
    open_and_register();
  }
  void open_and_register() {
    EXPECT_TRUE(session_.take_order().open);
    session_.link_opened(now_);
    EXPECT_EQ(types(frames()), std::vector<std::string>{"register"});
    std::string frame;
    wire::append_registered(frame, "alice", "s", 1000);
    from_server(frame);
  }
  // And the cursor is there too.
  void go_online() {
    register_first();
    answer_sync({}, "c0");
    settle("c0");
    events();
    frames();
  }

  // The second walk after a registration, which brings nothing.
  void settle(std::string cursor) {
    sleep();
    answer_sync({}, std::move(cursor));
  }

  void from_server(std::string_view text) { session_.frame_received(text, now_); }
  void deliver(const chat::Message& sent) {
    std::string text;
    wire::append_normal(text, sent.view());
    from_server(text);
  }
  void ack(const std::string& id, const std::string& to, chat::Timestamp at) {
    std::string text;
    wire::append_ack(text, id, to, at);
    from_server(text);
  }
  void refuse(chat::ErrorCode code, std::string_view id, std::string_view ref = {}, std::int64_t retry_ms = -1) {
    std::string text;
    wire::append_error(text, {code, "no"}, id, ref, retry_ms);
    from_server(text);
  }

  // Answers the latest request of that type among the frames not taken yet; other frames are thrown away.
  void answer_sync(const std::vector<chat::Message>& messages, std::string cursor, bool more = false) {
    const std::string ref = take_ref("sync");
    chat::SyncPage page;
    for (const chat::Message& each : messages) page.messages.add(each.view());
    page.cursor = std::move(cursor);
    page.more = more;
    std::string text;
    wire::append_sync(text, ref, page);
    from_server(text);
  }
  void answer_history(const std::string& with, const std::vector<chat::Message>& messages, bool more = false) {
    const std::string ref = take_ref("history");
    chat::HistoryPage page;
    for (const chat::Message& each : messages) page.messages.add(each.view());
    page.more = more;
    std::string text;
    wire::append_history(text, ref, with, page);
    from_server(text);
  }
  // As JSON, with its quotes.
  std::string take_ref(std::string_view type) {
    std::string ref;
    for (const std::string& frame : frames()) {
      if (type_of(frame) != type) continue;
      const std::size_t begin = frame.find(R"("ref":)") + 6;
      ref = frame.substr(begin, frame.find_first_of(",}", begin) - begin);
      request_ = frame;
    }
    EXPECT_FALSE(ref.empty()) << "no " << type << " was asked for";
    return ref;
  }

  std::vector<std::string> frames() { return session_.take_frames(); }
  std::vector<Event> events() { return session_.take_events(); }
  static std::string type_of(const std::string& frame) {
    return frame.substr(9, frame.find('"', 9) - 9);  // {"type":"...
  }
  static std::vector<std::string> types(const std::vector<std::string>& frames) {
    std::vector<std::string> found;
    for (const std::string& frame : frames) found.push_back(type_of(frame));
    return found;
  }
  template <class T>
  static std::vector<T> of(const std::vector<Event>& events) {
    std::vector<T> found;
    for (const Event& event : events) {
      if (const T* const known = std::get_if<T>(&event)) found.push_back(*known);
    }
    return found;
  }
  // The ids of what is shown.
  std::string shown() {
    std::string ids;
    for (const Shown& event : of<Shown>(events())) ids += event.message.id + " ";
    return ids;
  }

  void pass(Milliseconds span) { now_ += span; }
  // To the session's next wake, which must be there.
  void sleep() {
    ASSERT_TRUE(session_.next_wake());
    now_ = std::max(now_, *session_.next_wake());
    session_.wake(now_);
  }
  Submitted say(std::string text, std::string id = {}) {
    return session_.submit({.to = "bob", .payload = std::move(text), .id = std::move(id)}, now_);
  }
  void lose(std::uint16_t close_code = 0) { session_.link_lost({.reason = "gone", .close_code = close_code}, now_); }

  std::uint64_t random_ = kRandom;
  Instant now_{std::chrono::hours(1)};
  std::string request_;  // whose ref was taken last
  ClientSession session_;
};

}  // namespace simplechat::chat_client

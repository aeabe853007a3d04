// For this room's tests: ports whose answers the test decides, on a reactor that the test runs by hand.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "chat/directory.h"
#include "chat/message_queue.h"
#include "chat/message_store.h"
#include "chat/relay.h"
#include "runtime/reactor.h"

namespace simplechat::sv_websocket::testing {

// Runs the reactor until `done`, at most 10 s.
inline void run_until(runtime::Reactor& reactor, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done() && std::chrono::steady_clock::now() < deadline)
    reactor.io().run_one_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(done());
}

// Holds coroutines back until the test lets them go.
class Barrier {
 public:
  explicit Barrier(runtime::Reactor& reactor) : reactor_(reactor) {}

  void hold() { holding_ = true; }
  void let_go() {
    holding_ = false;
    for (const auto& timer : waiting_) timer->cancel();
    waiting_.clear();
  }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  chat::Task<void> pass() {
    if (!holding_) co_return;
    auto timer =
        std::make_shared<boost::asio::steady_timer>(reactor_.executor(), boost::asio::steady_timer::time_point::max());
    waiting_.push_back(timer);
    boost::system::error_code let_go_signal;
    co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, let_go_signal));
  }

 private:
  runtime::Reactor& reactor_;
  bool holding_ = false;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

class FakeDirectory final : public chat::Directory {
 public:
  explicit FakeDirectory(runtime::Reactor& reactor) : barrier(reactor) {}

  chat::Task<chat::Result<chat::LeaseState>> renew(const chat::GatewayIdentity&, std::chrono::milliseconds) override {
    ++renewals;
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "down");
    if (!std::exchange(keeps_records, true)) ++opening;
    co_return chat::LeaseState{.opening = std::to_string(opening), .deaths = deaths, .now = now};
  }
  chat::Task<chat::Result<chat::Timestamp>> apply(const chat::GatewayIdentity&,
                                                  std::span<const chat::RecordChange> changes) override {
    std::vector<chat::RecordChange> batch(changes.begin(), changes.end());
    co_await barrier.pass();
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "down");
    for (const chat::RecordChange& change : batch) present[change.user] = change.present;
    applied.push_back(std::move(batch));
    co_return now;
  }
  chat::Task<chat::Result<chat::Locations>> locate(std::span<const std::string> users) override {
    std::vector<std::string> asked(users.begin(), users.end());
    ++look_ups;
    co_await barrier.pass();
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "down");
    chat::Locations found;
    for (const std::string& user : asked) {
      found.add_user();
      for (const std::string& url : gateways[user]) found.add_gateway(url);
    }
    co_return found;
  }
  chat::Task<chat::Result<void>> close(const chat::GatewayIdentity&) override {
    closed = true;
    co_return chat::Result<void>{};
  }

  Barrier barrier;
  bool down = false;
  bool keeps_records = false;
  bool closed = false;
  int renewals = 0;
  int opening = 0;
  std::int64_t deaths = 7;  // of before
  chat::Timestamp now = 0;
  int look_ups = 0;
  std::vector<std::vector<chat::RecordChange>> applied;
  std::map<std::string, bool> present;
  std::map<std::string, std::vector<std::string>> gateways;  // what locate() answers
};

struct Delivered {
  std::string url;
  std::vector<std::pair<std::string, std::string>> frames;  // user, frame
};

class FakeRelay final : public chat::Relay {
 public:
  explicit FakeRelay(runtime::Reactor& reactor) : barrier(reactor) {}

  chat::Task<chat::Result<std::vector<std::size_t>>> deliver(const std::string& url,
                                                             const chat::DeliveryBatch& batch) override {
    Delivered taken{.url = url, .frames = {}};
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (absent.contains({url, std::string(batch[i].user)})) {
        missing.push_back(i);
      } else {
        taken.frames.emplace_back(batch[i].user, batch[i].frame);
      }
    }
    co_await barrier.pass();
    ++calls;
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "down");
    if (!taken.frames.empty()) delivered.push_back(std::move(taken));
    co_return missing;
  }

  Barrier barrier;
  bool down = false;
  int calls = 0;
  std::set<std::pair<std::string, std::string>> absent;  // url, user
  std::vector<Delivered> delivered;
};

// Knows only which messages are stored.
class FakeReader final : public chat::MessageReader {
 public:
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override {
    ++asked;
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "down");
    for (const chat::MessageKey& key : keys) {
      if (!stored.contains(key.id)) co_return false;
    }
    co_return true;
  }
  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery&) override {
    co_return chat::HistoryPage{};
  }
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery&) override {
    co_return chat::ConversationsPage{};
  }
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery&) override { co_return chat::SyncPage{}; }

  bool down = false;
  int asked = 0;
  std::set<std::string> stored;  // ids
};

class FakeQueue final : public chat::MessageQueue {
 public:
  explicit FakeQueue(runtime::Reactor& reactor) : barrier(reactor) {}

  chat::Task<chat::Result<void>> publish(const chat::RecordBatch& batch) override {
    batches.push_back(batch);
    co_await barrier.pass();
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "down");
    co_return chat::Result<void>{};
  }
  // "0..." to anybody is of lane 0, all else of lane 1.
  [[nodiscard]] unsigned lanes() const override { return 2; }
  [[nodiscard]] unsigned lane_of(std::string_view from, std::string_view /*to*/) const override {
    return from.starts_with('0') ? 0 : 1;
  }

  Barrier barrier;
  bool down = false;
  std::vector<chat::RecordBatch> batches;
};

}  // namespace simplechat::sv_websocket::testing

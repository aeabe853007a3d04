// What the tests of a chat::MessageStore have in common: the harness that an adapter implements, and a fixture that
// runs the store's coroutines and follows its pages. The suite itself is store_contract.h; an adapter's own tests may
// use the fixture too.
//
// Every test gets a store of its own, empty. The test's thread runs the io_context; a store's own threads may do the
// work.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/message_store.h"

namespace simplechat::adapters::contract {

// One empty store under test. Destroyed before the io_context that it was made with.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual chat::MessageStore& store() = 0;
  // Where queries go; differs from store() where the adapter under test only reads.
  virtual chat::MessageReader& reader() { return store(); }
};

using StoreFactory = std::function<std::unique_ptr<StoreHarness>(boost::asio::io_context&)>;

inline chat::Message message(std::string id, std::string from, std::string to, chat::Timestamp at,
                             std::string payload = "hello") {
  return {.id = std::move(id), .from = std::move(from), .to = std::move(to), .payload = std::move(payload), .at = at};
}

inline std::vector<std::string> ids_of(const chat::MessageBatch& batch) {
  std::vector<std::string> ids;
  for (const chat::MessageView& view : batch) ids.emplace_back(view.id);
  return ids;
}

class StoreFixture : public ::testing::Test {
 protected:
  using Ids = std::vector<std::string>;
  using Sizes = std::vector<std::size_t>;
  static constexpr std::chrono::seconds kDeadline{60};

  explicit StoreFixture(const StoreFactory& factory) : harness_(factory(io_)) {}

  chat::MessageStore& store() { return harness_->store(); }
  chat::MessageReader& reader() { return harness_->reader(); }

  // Runs one coroutine to its end. Throws, which fails the test, if that takes longer than kDeadline.
  template <class T>
  T run(chat::Task<T> task) {
    const auto outcome = std::make_shared<std::optional<T>>();
    boost::asio::co_spawn(io_, std::move(task), [outcome](const std::exception_ptr& failure, T value) {
      if (failure) std::rethrow_exception(failure);
      *outcome = std::move(value);
    });
    run_until([&] { return outcome->has_value(); });
    return std::move(**outcome);
  }

  void run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("the store did not answer in time");
      io_.restart();
      io_.run_one_until(deadline);
    }
  }

  template <class T>
  T value(chat::Result<T> result) {
    if (!result) throw std::runtime_error(std::string(to_string(result.error().code)) + ": " + result.error().message);
    return *std::move(result);
  }

  void append(const chat::RecordBatch& batch) {
    const chat::Result<void> result = run(store().append(batch));
    if (!result) throw std::runtime_error("append: " + result.error().message);
  }
  // One batch, one transaction.
  void append(const std::vector<chat::Message>& messages, std::vector<chat::Mark> marks = {}) {
    chat::RecordBatch batch;
    for (const chat::Message& each : messages) batch.messages.add(each.view());
    batch.marks = std::move(marks);
    append(batch);
  }
  void mark(std::string user, std::string with, chat::MarkKind kind, chat::Timestamp at) {
    append({}, {{.user = std::move(user), .with = std::move(with), .kind = kind, .at = at}});
  }

  chat::HistoryPage history(const chat::HistoryQuery& query) { return value(run(reader().history(query))); }
  Ids history_ids(const std::string& user, const std::string& with) {
    return ids_of(
        history({.user = user, .with = with, .before = {}, .after = {}, .limit = chat::kPageSizeMax}).messages);
  }

  // All ids of the conversation, read in pages backwards from the latest (or forwards from the first one), in history's
  // order.
  Ids walk_back(const std::string& user, const std::string& with, int limit) {
    Ids all;
    chat::HistoryQuery query{.user = user, .with = with, .before = {}, .after = {}, .limit = limit};
    for (bool more = true; more;) {
      const chat::HistoryPage page = history(query);
      const Ids ids = ids_of(page.messages);
      all.insert(all.begin(), ids.begin(), ids.end());
      more = page.more;
      if (more && ids.empty()) throw std::runtime_error("an empty page claims that there is more");
      if (more) query.before = page.messages[0].at;
    }
    return all;
  }
  Ids walk_forth(const std::string& user, const std::string& with, int limit) {
    Ids all;
    chat::HistoryQuery query{.user = user, .with = with, .before = {}, .after = 0, .limit = limit};
    for (bool more = true; more;) {
      const chat::HistoryPage page = history(query);
      const Ids ids = ids_of(page.messages);
      all.insert(all.end(), ids.begin(), ids.end());
      more = page.more;
      if (more && ids.empty()) throw std::runtime_error("an empty page claims that there is more");
      if (more) query.after = page.messages[page.messages.size() - 1].at;
    }
    return all;
  }

  // How many messages each page of such a walk holds, asked for with the greatest limit.
  Sizes sizes_back(const std::string& user, const std::string& with) {
    Sizes sizes;
    chat::HistoryQuery query{.user = user, .with = with, .before = {}, .after = {}, .limit = chat::kPageSizeMax};
    for (bool more = true; more;) {
      const chat::HistoryPage page = history(query);
      sizes.push_back(page.messages.size());
      more = page.more && !page.messages.empty();
      if (more) query.before = page.messages[0].at;
    }
    return sizes;
  }
  Sizes sizes_forth(const std::string& user, const std::string& with) {
    Sizes sizes;
    chat::HistoryQuery query{.user = user, .with = with, .before = {}, .after = 0, .limit = chat::kPageSizeMax};
    for (bool more = true; more;) {
      const chat::HistoryPage page = history(query);
      sizes.push_back(page.messages.size());
      more = page.more && !page.messages.empty();
      if (more) query.after = page.messages[page.messages.size() - 1].at;
    }
    return sizes;
  }

  chat::ConversationsPage conversations(const chat::ConversationsQuery& query) {
    return value(run(reader().conversations(query)));
  }
  std::vector<chat::Conversation> conversations_of(const std::string& user) {
    return conversations({.user = user, .before = {}, .limit = chat::kPageSizeMax}).conversations;
  }
  static Ids names_of(const std::vector<chat::Conversation>& conversations) {
    Ids names;
    for (const chat::Conversation& each : conversations) names.push_back(each.with);
    return names;
  }
  // The one conversation of `user` with `with`.
  chat::Conversation conversation(const std::string& user, const std::string& with) {
    std::optional<chat::Conversation> found;
    for (chat::Conversation& each : conversations_of(user)) {
      if (each.with != with) continue;
      if (found) throw std::runtime_error(with + " is listed twice");
      found = std::move(each);
    }
    if (!found) throw std::runtime_error(with + " is not among the conversations of " + user);
    return *std::move(found);
  }

  bool contains_all(const std::vector<chat::MessageKey>& keys) { return value(run(reader().contains_all(keys))); }

  chat::SyncPage sync(const chat::SyncQuery& query) { return value(run(reader().sync(query))); }

  // A client that follows its cursor.
  struct Chain {
    std::string user;
    int limit = chat::kPageSizeDefault;
    std::string cursor{};
    Ids seen{};
  };

  // Reads pages until `chain` has seen `total` messages, then on until it is told that there are no more. It waits for
  // them, because a store may hold back a committed message while an older transaction is still running.
  void follow(Chain& chain, std::size_t total) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    for (bool more = true; more || chain.seen.size() < total;) {
      if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("sync did not give every message");
      more = turn_page(chain);
    }
    while (turn_page(chain)) {
    }
  }
  bool turn_page(Chain& chain) {
    chat::SyncPage page = sync({.user = chain.user, .cursor = chain.cursor, .limit = chain.limit});
    EXPECT_LE(page.messages.size(), static_cast<std::size_t>(chain.limit));
    EXPECT_FALSE(page.more && page.messages.empty());
    EXPECT_FALSE(page.cursor.empty());
    EXPECT_LE(page.cursor.size(), 128U);
    EXPECT_TRUE(std::ranges::all_of(page.cursor, [](char c) { return c > 0x20 && c < 0x7f; })) << page.cursor;
    std::ranges::move(ids_of(page.messages), std::back_inserter(chain.seen));
    chain.cursor = std::move(page.cursor);
    return page.more;
  }
  Ids sync_ids(const std::string& user, std::size_t total) {
    Chain chain{.user = user, .limit = chat::kPageSizeMax};
    follow(chain, total);
    return chain.seen;
  }

  boost::asio::io_context io_{1};
  std::unique_ptr<StoreHarness> harness_;
};

// The suite that store_contract.h fills.
class StoreContract : public StoreFixture, public ::testing::WithParamInterface<StoreFactory> {
 protected:
  StoreContract() : StoreFixture(GetParam()) {}
};

}  // namespace simplechat::adapters::contract

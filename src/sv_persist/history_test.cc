#include "sv_persist/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wire/contains_body.h"
#include "wire/pages_body.h"

namespace simplechat::sv_persist {
namespace {

using ::testing::HasSubstr;

class FakeReader final : public chat::MessageReader {
 public:
  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& query) override {
    asked_history = query;
    if (failure) co_return std::unexpected(*failure);
    chat::HistoryPage page{.messages = {}, .more = true};
    page.messages.add({.id = "1", .from = query.user, .to = query.with, .payload = "hello", .at = 7});
    co_return page;
  }
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& query) override {
    asked_conversations = query;
    if (failure) co_return std::unexpected(*failure);
    co_return chat::ConversationsPage{};
  }
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& query) override {
    asked_sync = query;
    if (failure) co_return std::unexpected(*failure);
    co_return chat::SyncPage{.messages = {}, .cursor = "next", .more = false};
  }

  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override {
    asked_contains.emplace(keys.begin(), keys.end());
    if (failure) co_return std::unexpected(*failure);
    co_return contained;
  }

  std::optional<chat::Error> failure;
  bool contained = true;
  std::optional<chat::HistoryQuery> asked_history;
  std::optional<chat::ConversationsQuery> asked_conversations;
  std::optional<chat::SyncQuery> asked_sync;
  std::optional<std::vector<chat::MessageKey>> asked_contains;
};

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    add_history_routes(open_, reader_, probe_, "");
    add_history_routes(guarded_, reader_, probe_, "s3cret");
  }

  runtime::HttpResponse get(const runtime::HttpRoutes& routes, std::string target, std::string authorization = {}) {
    return call(routes, {.method = "GET", .target = std::move(target), .authorization = std::move(authorization)});
  }
  runtime::HttpResponse ask_contains(const runtime::HttpRoutes& routes, std::string body,
                                     std::string authorization = {}) {
    return call(routes, {.method = "POST",
                         .target = "/v1/contains",
                         .body = std::move(body),
                         .authorization = std::move(authorization)});
  }
  runtime::HttpResponse call(const runtime::HttpRoutes& routes, const runtime::HttpRequest& request) {
    std::optional<runtime::HttpResponse> response;
    boost::asio::co_spawn(io_, routes.dispatch(request),
                          [&](const std::exception_ptr& failure, runtime::HttpResponse answer) {
                            if (failure) std::rethrow_exception(failure);
                            response = std::move(answer);
                          });
    io_.restart();
    io_.run();
    return response.value();
  }
  runtime::HttpResponse get(std::string target) { return get(open_, std::move(target)); }

  boost::asio::io_context io_;
  FakeReader reader_;
  runtime::MetricsRegistry metrics_;
  Probe probe_{metrics_};
  runtime::HttpRoutes open_;
  runtime::HttpRoutes guarded_;
};

TEST_F(HistoryTest, EachEndpointAsksTheReaderWhatTheParametersSay) {
  const auto history = get("/v1/history?user=al%2Bice&with=%23team&before=9&limit=3");
  EXPECT_EQ(history.status, 200U);
  ASSERT_TRUE(reader_.asked_history);
  EXPECT_EQ(reader_.asked_history->user, "al+ice");
  EXPECT_EQ(reader_.asked_history->with, "#team");
  EXPECT_EQ(reader_.asked_history->before, 9);
  EXPECT_EQ(reader_.asked_history->after, std::nullopt);
  EXPECT_EQ(reader_.asked_history->limit, 3);
  const auto page = wire::parse_history_page(history.body);
  ASSERT_TRUE(page.has_value()) << history.body;
  EXPECT_EQ(page->messages[0].payload, "hello");
  EXPECT_TRUE(page->more);

  EXPECT_EQ(get("/v1/conversations?user=alice").status, 200U);
  EXPECT_EQ(reader_.asked_conversations->user, "alice");
  EXPECT_EQ(reader_.asked_conversations->limit, chat::kPageSizeDefault);

  const auto sync = get("/v1/sync?user=alice&cursor=a.b&limit=200");
  EXPECT_EQ(reader_.asked_sync->cursor, "a.b");
  EXPECT_EQ(wire::parse_sync_page(sync.body)->cursor, "next");
}

TEST_F(HistoryTest, ContainsAsksTheReaderForTheMessagesOfTheBody) {
  const std::vector<chat::MessageKey> keys = {{.from = "alice", .to = "bob", .id = "1"},
                                              {.from = "bob", .to = "#team", .id = "2"}};
  EXPECT_EQ(ask_contains(open_, wire::encode_contains(keys)).body, R"({"status":"success","contained":true})");
  EXPECT_EQ(reader_.asked_contains, keys);
  reader_.contained = false;
  EXPECT_EQ(ask_contains(open_, wire::encode_contains(keys)).body, R"({"status":"success","contained":false})");
}

TEST_F(HistoryTest, ABodyThatIsNotOfTheFormIsRefusedAndNothingIsAsked) {
  const auto refused = ask_contains(open_, R"({"messages":[{"from":"alice"}]})");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_EQ(wire::parse_http_error(refused.body).code, chat::ErrorCode::bad_frame);
  EXPECT_EQ(ask_contains(open_, "").status, 400U);
  const std::vector<chat::MessageKey> many(chat::kContainsKeysMax + 1, {.from = "alice", .to = "bob", .id = "1"});
  EXPECT_EQ(ask_contains(open_, wire::encode_contains(many)).status, 413U);
  EXPECT_FALSE(reader_.asked_contains);
}

TEST_F(HistoryTest, WrongParametersAreNamedAndNothingIsAsked) {
  for (const auto& [target, name] :
       std::vector<std::pair<std::string, std::string>>{{"/v1/history?with=bob", "user"},
                                                        {"/v1/history?user=alice", "with"},
                                                        {"/v1/history?user=alice&with=bob&limit=201", "limit"},
                                                        {"/v1/conversations?user=a%20b", "user"},
                                                        {"/v1/conversations?user=alice&before=soon", "before"},
                                                        {"/v1/sync?user=alice&limit=0", "limit"}}) {
    const auto response = get(target);
    EXPECT_EQ(response.status, 400U) << target;
    EXPECT_THAT(response.body, HasSubstr(R"("status":"error","code":"bad_frame","message":")" + name)) << target;
  }
  EXPECT_FALSE(reader_.asked_history || reader_.asked_conversations || reader_.asked_sync);
}

TEST_F(HistoryTest, TheClusterSecretIsRequiredWhereThereIsOne) {
  for (const char* const path :
       {"/v1/history?user=alice&with=bob", "/v1/conversations?user=alice", "/v1/sync?user=alice"}) {
    for (const char* const authorization :
         {"", "Bearer ", "Bearer s3cre", "Bearer s3cretS", "Basic s3cret", "s3cret"}) {
      EXPECT_EQ(get(guarded_, path, authorization).status, 401U) << path << " " << authorization;
    }
    EXPECT_FALSE(reader_.asked_history || reader_.asked_conversations || reader_.asked_sync);
  }
  for (const char* const authorization : {"", "Bearer ", "Bearer s3cre", "Bearer s3cretS", "Basic s3cret", "s3cret"}) {
    EXPECT_EQ(ask_contains(guarded_, R"({"messages":[]})", authorization).status, 401U) << authorization;
  }
  EXPECT_FALSE(reader_.asked_contains);
  EXPECT_EQ(get(guarded_, "/v1/sync?user=alice", "Bearer s3cret").status, 200U);
  EXPECT_EQ(ask_contains(guarded_, R"({"messages":[]})", "Bearer s3cret").status, 200U);
}

TEST_F(HistoryTest, AFailingReaderIsReportedAsWhatItIs) {
  reader_.failure = {chat::ErrorCode::unavailable, "no database"};
  EXPECT_EQ(get("/v1/history?user=alice&with=bob").status, 503U);
  EXPECT_EQ(get("/v1/conversations?user=alice").status, 503U);
  EXPECT_EQ(ask_contains(open_, R"({"messages":[]})").status, 503U);
  reader_.failure = {chat::ErrorCode::bad_frame, "this cursor is not of this store"};
  const auto response = get("/v1/sync?user=alice&cursor=x");
  EXPECT_EQ(response.status, 400U);
  EXPECT_EQ(wire::parse_http_error(response.body).code, chat::ErrorCode::bad_frame);
}

}  // namespace
}  // namespace simplechat::sv_persist

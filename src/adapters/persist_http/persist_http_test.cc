#include "adapters/persist_http/persist_http.h"

#include <gtest/gtest.h>

#include "adapters/contract/store_contract.h"
#include "adapters/memory/message_store.h"
#include "runtime/http_server.h"
#include "runtime/reactor.h"
#include "wire/contains_body.h"
#include "wire/http_status.h"
#include "wire/pages_body.h"
#include "wire/query_params.h"

namespace simplechat::adapters {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;

// The other side of the wire: the endpoints of the contract over a store in memory, on a reactor of its own.
class Server {
 public:
  explicit Server(std::function<std::optional<HttpResponse>(const HttpRequest&)> intercept = {})
      : intercept_(std::move(intercept)) {
    add("/v1/history", [this](std::string user, const wire::QueryParameters& parameters) -> Answer {
      const auto query = wire::parse_history_query(std::move(user), parameters);
      if (!query) co_return refusal(query.error());
      const auto page = co_await store.history(*query);
      co_return page ? HttpResponse{.body = wire::encode_history_page(query->with, *page)} : refusal(page.error());
    });
    add("/v1/conversations", [this](std::string user, const wire::QueryParameters& parameters) -> Answer {
      const auto query = wire::parse_conversations_query(std::move(user), parameters);
      if (!query) co_return refusal(query.error());
      const auto page = co_await store.conversations(*query);
      co_return page ? HttpResponse{.body = wire::encode_conversations_page(*page)} : refusal(page.error());
    });
    add("/v1/sync", [this](std::string user, const wire::QueryParameters& parameters) -> Answer {
      const auto query = wire::parse_sync_query(std::move(user), parameters);
      if (!query) co_return refusal(query.error());
      const auto page = co_await store.sync(*query);
      co_return page ? HttpResponse{.body = wire::encode_sync_page(*page)} : refusal(page.error());
    });
    routes_.add("POST", "/v1/contains",
                [this](const HttpRequest& request, const std::vector<std::string>&) { return contains(request); });
    server_.emplace(reactors_[0], runtime::HttpServer::Options{}, routes_);
    server_->start();
    reactors_.start();
  }
  ~Server() { reactors_.stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  memory::MessageStore store;

 private:
  using Answer = boost::asio::awaitable<HttpResponse>;
  using Endpoint = std::function<Answer(std::string user, const wire::QueryParameters&)>;

  static HttpResponse refusal(const chat::Error& error) {
    return runtime::http_error(wire::http_status(error.code), chat::to_string(error.code), error.message);
  }
  void add(std::string path, Endpoint endpoint) {
    endpoints_.push_back(std::make_unique<Endpoint>(std::move(endpoint)));
    routes_.add("GET", std::move(path),
                [this, serve = endpoints_.back().get()](const HttpRequest& request, const std::vector<std::string>&) {
                  return answer(*serve, request);
                });
  }
  Answer answer(const Endpoint& serve, const HttpRequest& request) {
    if (intercept_) {
      if (auto instead = intercept_(request)) co_return *std::move(instead);
    }
    const wire::QueryParameters parameters = [&request](std::string_view name) { return request.query(name); };
    auto user = wire::parse_query_user(parameters);
    if (!user) co_return refusal(user.error());
    co_return co_await serve(*std::move(user), parameters);
  }
  Answer contains(const HttpRequest& request) {
    if (intercept_) {
      if (auto instead = intercept_(request)) co_return *std::move(instead);
    }
    const auto keys = wire::parse_contains(request.body);
    if (!keys) co_return refusal(keys.error());
    const auto contained = co_await store.contains_all(*keys);
    co_return contained ? HttpResponse{.body = wire::encode_contained(*contained)} : refusal(contained.error());
  }

  std::function<std::optional<HttpResponse>(const HttpRequest&)> intercept_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  runtime::HttpRoutes routes_;
  runtime::ReactorPool reactors_{1};
  std::optional<runtime::HttpServer> server_;
};

class PersistHttpHarness final : public contract::StoreHarness {
 public:
  explicit PersistHttpHarness(boost::asio::io_context& io)
      : reader_(io.get_executor(), server_.origin(), {.deadline = std::chrono::seconds(10), .bearer_token = {}},
                dependency_) {}
  chat::MessageStore& store() override { return server_.store; }
  chat::MessageReader& reader() override { return reader_; }

 private:
  Server server_;
  runtime::Dependency dependency_{"sv-persist"};
  persist_http::PersistHttp reader_;
};

std::unique_ptr<contract::StoreHarness> make_harness(boost::asio::io_context& io) {
  return std::make_unique<PersistHttpHarness>(io);
}

// What the adapter makes of a server's answers.
class PersistHttpFaults : public contract::StoreFixture {
 protected:
  PersistHttpFaults() : StoreFixture(make_harness) {}

  struct Outcome {
    chat::Result<chat::SyncPage> page;
    chat::Result<bool> contained;
    runtime::Dependency::State state;
  };
  Outcome ask(const std::string& origin, std::string token = {}) {
    runtime::Dependency dependency("sv-persist");
    persist_http::PersistHttp reader(io_.get_executor(), origin,
                                     {.deadline = std::chrono::seconds(10), .bearer_token = std::move(token)},
                                     dependency);
    auto page = run(reader.sync({.user = "alice", .cursor = ""}));
    const auto check = run(reader.check());
    EXPECT_EQ(check.has_value(), page.has_value());
    const std::vector<chat::MessageKey> keys = {{.from = "alice", .to = "bob", .id = "1"}};
    auto contained = run(reader.contains_all(keys));
    return {std::move(page), std::move(contained), dependency.state()};
  }
  static void expect_unavailable(const Outcome& outcome, const std::string& reason) {
    ASSERT_FALSE(outcome.page.has_value());
    EXPECT_EQ(outcome.page.error().code, chat::ErrorCode::unavailable);
    ASSERT_FALSE(outcome.contained.has_value());
    EXPECT_EQ(outcome.contained.error().code, chat::ErrorCode::unavailable);
    EXPECT_FALSE(outcome.state.up);
    EXPECT_NE(outcome.state.reason.find(reason), std::string::npos) << outcome.state.reason;
  }
};

TEST_F(PersistHttpFaults, NobodyListening) { expect_unavailable(ask("http://127.0.0.1:1"), "127.0.0.1:1"); }

TEST_F(PersistHttpFaults, AnUnavailableStoreBehindIt) {
  const Server server([](const HttpRequest&) { return runtime::http_error(503, "unavailable", "no database"); });
  expect_unavailable(ask(server.origin()), "no database");
}

TEST_F(PersistHttpFaults, AnAnswerThatIsNotOfTheContract) {
  const Server server([](const HttpRequest&) { return HttpResponse{.body = "<html>hello</html>"}; });
  expect_unavailable(ask(server.origin()), "not of the contract");
}

TEST_F(PersistHttpFaults, TheClusterSecretIsSentAndAWrongOneIsReported) {
  const Server server([](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (request.authorization == "Bearer s3cret") return std::nullopt;
    return runtime::http_error(401, "unauthorized", "the cluster secret is missing or wrong");
  });
  expect_unavailable(ask(server.origin(), "other"), "cluster secret");
  const Outcome right = ask(server.origin(), "s3cret");
  EXPECT_TRUE(right.page.has_value());
  EXPECT_TRUE(right.contained.has_value());
  EXPECT_TRUE(right.state.up);
}

}  // namespace

namespace contract {
INSTANTIATE_TEST_SUITE_P(PersistHttp, StoreContract, ::testing::Values(StoreFactory(make_harness)));
}  // namespace contract

}  // namespace simplechat::adapters

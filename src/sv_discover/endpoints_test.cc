#include "sv_discover/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "adapters/contract/run_to_end.h"
#include "adapters/memory/blocks.h"
#include "adapters/memory/directory.h"
#include "adapters/memory/revocations.h"

namespace simplechat::sv_discover {
namespace {

using ::testing::HasSubstr;

class MapPlainRecords final : public chat::PlainRecords {
 public:
  chat::Task<chat::Result<void>> set_plain(const std::string& key, const std::string& value) override {
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "redis is down");
    values[key] = value;
    co_return chat::Result<void>();
  }
  chat::Task<chat::Result<void>> remove_plain(const std::string& key) override {
    values.erase(key);
    co_return chat::Result<void>();
  }
  chat::Task<chat::Result<std::optional<std::string>>> find_plain(const std::string& key) override {
    if (down) co_return chat::fail(chat::ErrorCode::unavailable, "redis is down");
    const auto entry = values.find(key);
    if (entry == values.end()) co_return std::nullopt;
    co_return entry->second;
  }

  std::map<std::string, std::string> values;
  bool down = false;
};

class EndpointsTest : public ::testing::Test {
 protected:
  explicit EndpointsTest(const std::string& secret = "") {
    add_endpoints(routes_, {.directory = directory_,
                            .plain_records = plain_,
                            .revocations = revocations_,
                            .blocks = blocks_,
                            .locator = locator_,
                            .probe = probe_,
                            .cluster_secret = secret});
  }

  runtime::HttpResponse call(std::string method, std::string target, std::string body = "",
                             std::string authorization = "") {
    const runtime::HttpRequest request{.method = std::move(method),
                                       .target = std::move(target),
                                       .body = std::move(body),
                                       .authorization = std::move(authorization)};
    return adapters::contract::run_to_end(io_, routes_.dispatch(request));
  }
  void expect(const runtime::HttpResponse& response, const std::string& body) {
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.body, body);
  }
  void expect_error(const runtime::HttpResponse& response, unsigned status, const std::string& code) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_THAT(response.body, HasSubstr(R"({"status":"error","code":")" + code + R"(","message":")"));
  }
  // Opens a lease at `url` and registers alice there.
  void register_alice(const std::string& url) {
    const std::string gateway = R"({"gateway":{"url":")" + url + R"(","incarnation":"run-1"},)";
    renewed_ = call("POST", "/v1/renew", gateway + R"("leaseMs":10000})").body;
    EXPECT_THAT(renewed_, HasSubstr(R"({"status":"success","opening":")"));
    expect(call("POST", "/v1/apply", gateway + R"("changes":[{"user":"alice","present":true,"fence":1}]})"),
           R"({"status":"success","now":17})");
  }

  boost::asio::io_context io_;
  std::chrono::steady_clock::time_point now_;
  std::string renewed_;  // the answer to the first renewal
  adapters::memory::MemoryDirectory directory_{[this] { return now_; }, [] { return chat::Timestamp{17}; }};
  MapPlainRecords plain_;
  adapters::memory::MemoryRevocations revocations_{[] { return std::int64_t{50}; }, "run-1"};
  adapters::memory::MemoryBlocks blocks_{[] { return std::int64_t{50}; }, "run-1"};
  runtime::MetricsRegistry metrics_;
  Probe probe_{metrics_, Locator::kUsersWaitingMax};
  Locator locator_{io_.get_executor(), directory_, probe_};
  runtime::HttpRoutes routes_;
};

TEST_F(EndpointsTest, AGatewayRegistersRenewsAndLeaves) {
  register_alice("http://a:1");
  expect(call("POST", "/v1/locate", R"({"users":["bob","alice"]})"),
         R"({"status":"success","gateways":[[],["http://a:1"]]})");
  const std::string gateway = R"({"gateway":{"url":"http://a:1","incarnation":"run-1"})";
  expect(call("POST", "/v1/renew", gateway + R"(,"leaseMs":10000})"), renewed_);
  expect(call("POST", "/v1/close", gateway + "}"), R"({"status":"success"})");
  expect(call("POST", "/v1/locate", R"({"users":["alice"]})"), R"({"status":"success","gateways":[[]]})");
}

TEST_F(EndpointsTest, TheOriginalsRecordsAreSetReadAndRemoved) {
  expect(call("GET", "/get/alice"), R"({"status":"success","value":null})");
  expect(call("POST", "/set", R"({"key":"alice","value":"http://localhost:3002"})"), R"({"status":"success"})");
  expect(call("GET", "/get/alice"), R"({"status":"success","value":"http://localhost:3002"})");
  expect(call("DELETE", "/del", R"({"key":"alice"})"), R"({"status":"success"})");
  expect(call("GET", "/get/alice"), R"({"status":"success","value":null})");
  expect(call("POST", "/set", R"({"key":17,"value":"http://localhost:3002"})"), R"({"status":"success"})");
  expect(call("GET", "/get/17"), R"({"status":"success","value":"http://localhost:3002"})");
  expect(call("DELETE", "/del/17"), R"({"status":"success"})");
  expect(call("GET", "/get/17"), R"({"status":"success","value":null})");
  expect(call("POST", "/set", R"({"key":"a@b+c","value":"v"})"), R"({"status":"success"})");
  expect(call("GET", "/get/a%40b+c"), R"({"status":"success","value":"v"})");
}

TEST_F(EndpointsTest, ARevocationIsKeptAndTold) {
  expect(call("POST", "/v1/revoke", R"({"revocations":[{"user":"alice","issuedUntil":17,"until":99}]})"),
         R"({"status":"success"})");
  expect(call("POST", "/v1/revocations", R"({"since":""})"),
         R"({"status":"success","version":"run-1-1","all":true,"more":false,)"
         R"("revocations":[{"user":"alice","issuedUntil":17,"until":99}]})");
  expect(call("POST", "/v1/revocations", R"({"since":"run-1-1"})"),
         R"({"status":"success","version":"run-1-1","all":false,"more":false,"revocations":[]})");
  EXPECT_EQ(call("POST", "/v1/revoke", R"({"revocations":[{"user":"alice"}]})").status, 400);
}

TEST_F(EndpointsTest, ABlockIsKeptAndTold) {
  expect(call("POST", "/v1/block", R"({"changes":[{"user":"alice","blocked":"bob","present":true}]})"),
         R"({"status":"success"})");
  expect(call("POST", "/v1/blocks", R"({"since":""})"),
         R"({"status":"success","version":"run-1-1-1","all":true,"lost":false,"more":false,)"
         R"("changes":[{"user":"alice","blocked":"bob","present":true}]})");
  expect(call("POST", "/v1/block", R"({"changes":[{"user":"alice","blocked":"bob","present":false}]})"),
         R"({"status":"success"})");
  expect(call("POST", "/v1/blocks", R"({"since":"run-1-1-1"})"),
         R"({"status":"success","version":"run-1-2-1","all":false,"lost":false,"more":false,)"
         R"("changes":[{"user":"alice","blocked":"bob","present":false}]})");
  expect_error(call("POST", "/v1/block", R"({"changes":[{"user":"alice","blocked":"alice","present":true}]})"), 400,
               "bad_frame");
}

TEST_F(EndpointsTest, ALiveGatewayIsReadBeforeAPlainRecordAndNotRemovedWithIt) {
  expect(call("POST", "/set", R"({"key":"alice","value":"http://plain:1"})"), R"({"status":"success"})");
  register_alice("http://b:1");
  register_alice("http://a:1");
  expect(call("GET", "/get/alice"), R"({"status":"success","value":"http://a:1"})");
  expect(call("DELETE", "/del", R"({"key":"alice"})"), R"({"status":"success"})");
  expect(call("GET", "/get/alice"), R"({"status":"success","value":"http://a:1"})");
  now_ += std::chrono::seconds(11);
  expect(call("GET", "/get/alice"), R"({"status":"success","value":null})");
}

TEST_F(EndpointsTest, ABadBodyIsAnsweredWithItsCode) {
  for (const char* path : {"/v1/renew", "/v1/apply", "/v1/locate", "/v1/close", "/v1/revoke", "/v1/revocations",
                           "/v1/block", "/v1/blocks", "/set"}) {
    expect_error(call("POST", path, "{"), 400, "bad_json");
    expect_error(call("POST", path, "{}"), 400, "bad_frame");
  }
  expect_error(call("DELETE", "/del", "nonsense"), 400, "bad_json");
  expect_error(call("DELETE", "/del/a%20b"), 400, "bad_frame");
  expect_error(call("GET", "/get/a%20b"), 400, "bad_frame");
  std::string users = R"({"users":["a")";
  for (int i = 0; i < 10'000; ++i) users += R"(,"a")";
  expect_error(call("POST", "/v1/locate", users + "]}"), 413, "too_large");
  expect_error(call("GET", "/v1/locate"), 405, "not_found");
  EXPECT_THAT(metrics_.scrape(), HasSubstr("simplechat_calls_refused_total 22"));
}

TEST_F(EndpointsTest, ADirectoryThatIsAwayIsAnsweredAsUnavailable) {
  plain_.down = true;
  expect_error(call("POST", "/set", R"({"key":"alice","value":"v"})"), 503, "unavailable");
  expect_error(call("GET", "/get/alice"), 503, "unavailable");
}

class EndpointsWithSecret : public EndpointsTest {
 protected:
  EndpointsWithSecret() : EndpointsTest("s3cret") {}
};

TEST_F(EndpointsWithSecret, NothingIsServedWithoutIt) {
  const std::string users = R"({"users":["alice"]})";
  for (const char* wrong :
       {"", "s3cret", "Bearer ", "Bearer s3cre", "Bearer s3cret!", "Bearer S3cret", "Basic s3cret"}) {
    expect_error(call("POST", "/v1/locate", users, wrong), 401, "unauthorized");
    expect_error(call("POST", "/set", R"({"key":"alice","value":"v"})", wrong), 401, "unauthorized");
    expect_error(call("GET", "/get/alice", "", wrong), 401, "unauthorized");
  }
  EXPECT_TRUE(plain_.values.empty());
  expect(call("POST", "/v1/locate", users, "Bearer s3cret"), R"({"status":"success","gateways":[[]]})");
}

}  // namespace
}  // namespace simplechat::sv_discover

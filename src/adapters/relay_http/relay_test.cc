#include "adapters/relay_http/relay.h"

#include <gtest/gtest.h>

#include <map>

#include "adapters/contract/relay_contract.h"
#include "chat/limits.h"
#include "runtime/http_server.h"
#include "wire/delivery_body.h"

namespace simplechat::adapters::relay_http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Segments = std::vector<std::string>;

// A gateway's API as far as deliveries need it.
struct Api {
  explicit Api(runtime::Reactor& reactor, runtime::HttpRoutes::Handler deliver)
      : server(reactor, {.body_bytes_max = chat::limits::kHttpBodyBytesMax}, routes) {
    routes.add("POST", "/v1/deliver", std::move(deliver));
    server.start();
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(server.port()); }

  runtime::HttpRoutes routes;
  runtime::HttpServer server;
};

// Gateways and a relay, all on one reactor that the test runs.
class Harness final : public contract::RelayHarness {
 public:
  HttpRelay& relay() override { return relay_; }
  boost::asio::io_context& io() override { return reactor_.io(); }

  std::string start(contract::ReceivingGateway& gateway) override {
    return start_with([&gateway](const runtime::HttpRequest& request,
                                 const Segments&) -> boost::asio::awaitable<runtime::HttpResponse> {
      if (request.authorization != "Bearer s3cret") co_return runtime::http_error(401, "unauthorized", "no secret");
      chat::DeliveryBatch batch;
      const auto parsed = wire::parse_delivery_body(request.body, batch);
      if (!parsed || request.content_type != wire::kDeliveryContentType) {
        co_return runtime::http_error(400, "bad_frame", "not a delivery");
      }
      runtime::HttpResponse response;
      wire::append_delivery_answer(response.body, gateway.take(batch));
      co_return response;
    });
  }
  std::string start_with(runtime::HttpRoutes::Handler deliver) {
    auto api = std::make_unique<Api>(reactor_, std::move(deliver));
    const std::string url = api->url();
    apis_.emplace(url, std::move(api));
    return url;
  }
  void stop(const std::string& url) override { apis_.erase(url); }

 private:
  runtime::Reactor reactor_{0};
  std::map<std::string, std::unique_ptr<Api>> apis_;
  HttpRelay relay_{reactor_.executor(), {.cluster_secret = "s3cret", .deadline = 20s}};
};

chat::Result<std::vector<std::size_t>> deliver_one(Harness& harness, const std::string& url) {
  chat::DeliveryBatch batch;
  batch.add({.user = "alice", .frame = "{}"});
  return contract::run_to_end(harness.io(), harness.relay().deliver(url, batch));
}

TEST(HttpRelay, AnAnswerThatIsNotOfTheContractIsAFailure) {
  Harness harness;
  for (const runtime::HttpResponse& bad : {
           runtime::HttpResponse{.body = "{}"},
           runtime::HttpResponse{.body = R"({"status":"success","absent":[1]})"},
           runtime::HttpResponse{.status = 500, .body = R"({"status":"success","absent":[]})"},
       }) {
    const std::string url =
        harness.start_with([bad](const runtime::HttpRequest&,
                                 const Segments&) -> boost::asio::awaitable<runtime::HttpResponse> { co_return bad; });
    const auto outcome = deliver_one(harness, url);
    ASSERT_FALSE(outcome.has_value()) << bad.body;
    EXPECT_EQ(outcome.error().code, chat::ErrorCode::unavailable);
    EXPECT_THAT(outcome.error().message, HasSubstr(url));
  }
}

TEST(HttpRelay, AMalformedUrlInTheDirectoryIsAFailureOfThatGatewayOnly) {
  Harness harness;
  const auto outcome = deliver_one(harness, "http://no port:x");
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, chat::ErrorCode::unavailable);
  EXPECT_EQ(harness.relay().gateways(), 0U);
}

TEST(HttpRelay, SpeaksToABoundedNumberOfGateways) {
  Harness harness;
  const std::string refused = "http://127.0.0.1:1";
  ASSERT_THAT(deliver_one(harness, refused).error().message, HasSubstr("Connection refused"));
  // One gateway under many names.
  for (std::size_t i = 1; i < HttpRelay::kGatewaysMax; ++i) {
    const std::string url = "http://127.0." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250) + ":1";
    ASSERT_FALSE(deliver_one(harness, url).has_value());
  }
  EXPECT_LE(harness.relay().gateways(), HttpRelay::kGatewaysMax);
  EXPECT_THAT(deliver_one(harness, "http://127.0.200.1:1").error().message, HasSubstr("too many gateways"));
  EXPECT_THAT(deliver_one(harness, refused).error().message, HasSubstr("Connection refused"));
}

std::unique_ptr<contract::RelayHarness> make_harness() { return std::make_unique<Harness>(); }

}  // namespace
}  // namespace simplechat::adapters::relay_http

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(Http, RelayContract, ::testing::Values(RelayFactory(relay_http::make_harness)));
}  // namespace simplechat::adapters::contract

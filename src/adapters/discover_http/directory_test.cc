#include "adapters/discover_http/directory.h"

#include <gtest/gtest.h>

#include "adapters/contract/directory_contract.h"
#include "adapters/discover_http/sv_discover_stand_in_test.h"
#include "runtime/http_server.h"

namespace simplechat::adapters::discover_http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const chat::GatewayIdentity kGateway{.url = "http://10.0.0.1:3002", .incarnation = "run-1"};

class Harness final : public contract::DirectoryHarness {
 public:
  explicit Harness(const std::string& client_secret = SvDiscoverStandIn::kSecret)
      : client_(service_.reactor().executor(),
                {.origin = service_.origin(), .cluster_secret = client_secret, .deadline = 20s}, dependency_) {}

  DiscoverHttpDirectory& directory() override { return client_; }
  boost::asio::io_context& io() override { return service_.reactor().io(); }
  void let_pass(std::chrono::milliseconds time) override { service_.let_pass(time); }

  [[nodiscard]] std::string origin() const { return service_.origin(); }
  runtime::Dependency& dependency() { return dependency_; }
  template <class T>
  T run(chat::Task<T> call) {
    return contract::run_to_end(io(), std::move(call));
  }

 private:
  SvDiscoverStandIn service_;
  runtime::Dependency dependency_{"sv-discover"};
  DiscoverHttpDirectory client_;
};

TEST(DiscoverHttpDirectory, ReportsWhetherSvDiscoverIsThere) {
  Harness harness;
  EXPECT_FALSE(harness.dependency().state().up);
  EXPECT_TRUE(harness.run(harness.directory().renew(kGateway, 10s)).has_value());
  EXPECT_TRUE(harness.dependency().state().up);
}

TEST(DiscoverHttpDirectory, AWrongSecretMakesItUnavailableAndIsNotShown) {
  Harness harness("wr0ng");
  const auto renewed = harness.run(harness.directory().renew(kGateway, 10s));
  ASSERT_FALSE(renewed.has_value());
  EXPECT_EQ(renewed.error().code, chat::ErrorCode::unavailable);
  EXPECT_EQ(renewed.error().message, "sv-discover " + harness.origin() + "/v1/renew: answered 401");
  EXPECT_EQ(harness.dependency().state().reason, renewed.error().message);
}

TEST(DiscoverHttpDirectory, NobodyListeningMakesItUnavailable) {
  std::string origin;
  {
    origin = Harness().origin();
  }
  boost::asio::io_context io;
  runtime::Dependency dependency("sv-discover");
  DiscoverHttpDirectory directory(io.get_executor(), {.origin = origin}, dependency);
  const std::vector<std::string> users{"alice"};
  const auto found = contract::run_to_end(io, directory.locate(users));
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, chat::ErrorCode::unavailable);
  EXPECT_FALSE(dependency.state().up);
  EXPECT_THAT(dependency.state().reason, HasSubstr("Connection refused"));
}

// A server whose answers the test gives.
class Answers : public ::testing::Test {
 protected:
  Answers() {
    const auto answer = [this](const runtime::HttpRequest&,
                               const std::vector<std::string>&) -> boost::asio::awaitable<runtime::HttpResponse> {
      co_return response_;
    };
    for (const char* path : {"/v1/renew", "/v1/locate"}) routes_.add("POST", path, answer);
    server_.start();
  }

  chat::Result<chat::LeaseState> renew() {
    return contract::run_to_end(reactor_.io(), directory_.renew(kGateway, 10s));
  }

  runtime::Reactor reactor_{0};
  runtime::HttpResponse response_;
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor_, {}, routes_};
  runtime::Dependency dependency_{"sv-discover"};
  DiscoverHttpDirectory directory_{
      reactor_.executor(), {.origin = "http://127.0.0.1:" + std::to_string(server_.port())}, dependency_};
};

TEST_F(Answers, AnAnswerThatIsNotOfTheContractIsAFailure) {
  const std::vector<std::string> users{"alice", "bob"};
  for (const char* body : {"", "{}", "<html>", R"({"status":"error"})", R"({"status":"success","gateways":[[]]})",
                           R"({"status":"success","gateways":[[],[],[]]})"}) {
    response_ = {.body = body};
    const auto found = contract::run_to_end(reactor_.io(), directory_.locate(users));
    ASSERT_FALSE(found.has_value()) << body;
    EXPECT_EQ(found.error().code, chat::ErrorCode::unavailable);
    const auto renewed = renew();
    ASSERT_FALSE(renewed.has_value()) << body;
    EXPECT_EQ(renewed.error().code, chat::ErrorCode::unavailable);
    EXPECT_FALSE(dependency_.state().up);
  }
}

std::unique_ptr<contract::DirectoryHarness> make_harness() { return std::make_unique<Harness>(); }

}  // namespace
}  // namespace simplechat::adapters::discover_http

namespace simplechat::adapters::contract {
INSTANTIATE_TEST_SUITE_P(DiscoverHttp, DirectoryContract,
                         ::testing::Values(DirectoryFactory(discover_http::make_harness)));
}  // namespace simplechat::adapters::contract

#include "adapters/jwt/jwks_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "adapters/jwt/jwt_authenticator.h"
#include "adapters/jwt/test_signer.h"
#include "runtime/http_server.h"
#include "runtime/reactor.h"

namespace simplechat::adapters::jwt {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string set_of(const TestSigner& signer, const std::string& id) {
  return R"({"keys":[)" + signer.jwk(R"("kid":")" + id + "\"") + "]}";
}

// An issuer with its key set at /keys, on a reactor that the test runs.
class JwksSourceTest : public testing::Test {
 protected:
  JwksSourceTest() {
    routes_.add("GET", "/keys", [this](const runtime::HttpRequest&, const std::vector<std::string>&) {
      return [](JwksSourceTest& test) -> boost::asio::awaitable<runtime::HttpResponse> {
        ++test.asked_;
        co_return test.answer_;
      }(*this);
    });
    server_.start();
  }
  ~JwksSourceTest() override {
    if (source_) run(source_->stop());
  }

  JwksSource& make_source(JwksSource::Options options) {
    source_.emplace(reactor_.executor(), std::move(options), dependency_);
    source_->start();
    return *source_;
  }
  JwksSource& make_source(std::chrono::milliseconds refresh, std::chrono::milliseconds ask_again_after) {
    return make_source({.location = "http://127.0.0.1:" + std::to_string(server_.port()) + "/keys",
                        .refresh = refresh,
                        .ask_again_after = ask_again_after});
  }
  template <class Done>
  void run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      reactor_.io().run_one_for(20ms);
    }
  }
  void run(chat::Task<void> task) {
    auto ended = boost::asio::co_spawn(reactor_.io(), std::move(task), boost::asio::use_future);
    run_until([&] { return ended.wait_for(0s) == std::future_status::ready; });
  }
  [[nodiscard]] bool has(const std::string& id) const {
    const auto keys = source_->keys();
    return keys && keys->choose("EdDSA", id).has_value();
  }

  const TestSigner first_ = TestSigner::eddsa();
  const TestSigner second_ = TestSigner::eddsa();
  runtime::Reactor reactor_{0};
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor_, {}, routes_};
  runtime::HttpResponse answer_{.body = set_of(first_, "1")};
  int asked_ = 0;
  runtime::Dependency dependency_{"token keys"};
  std::optional<JwksSource> source_;
};

TEST_F(JwksSourceTest, ReadsTheSetAndReadsItAgain) {
  make_source(50ms, 1h);
  EXPECT_EQ(source_->keys(), nullptr);
  run_until([&] { return has("1"); });
  EXPECT_TRUE(dependency_.state().up);
  answer_.body = set_of(second_, "2");
  run_until([&] { return has("2"); });
  EXPECT_FALSE(has("1"));
}

TEST_F(JwksSourceTest, KeepsTheKeysWhenAReadFails) {
  make_source(20ms, 1h);
  run_until([&] { return has("1"); });
  for (const runtime::HttpResponse& bad :
       {runtime::HttpResponse{.status = 500}, {.body = "<html>"}, {.body = R"({"keys":[]})"}}) {
    answer_ = bad;
    const int asked = asked_;
    run_until([&] { return asked_ > asked + 1; });
    EXPECT_TRUE(has("1"));
    EXPECT_TRUE(dependency_.state().up);
    answer_ = {.body = set_of(first_, "1")};
    run_until([&] { return asked_ > asked + 3; });
  }
}

TEST_F(JwksSourceTest, TriesAgainUntilTheSetIsThere) {
  answer_.status = 503;
  make_source(1h, 1h);
  run_until([&] { return asked_ > 0 && !dependency_.state().reason.empty(); });
  run_until([&] { return dependency_.state().reason.find("answered 503") != std::string::npos; });
  EXPECT_EQ(source_->keys(), nullptr);
  const auto authenticator = with_keys(std::shared_ptr<KeySource>(&*source_, [](KeySource*) {}));
  const auto early = authenticator->authenticate("", first_.token(R"({"sub":"alice"})"));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, chat::ErrorCode::unavailable);
  answer_.status = 200;
  run_until([&] { return has("1"); });
  EXPECT_TRUE(dependency_.state().up);
}

TEST_F(JwksSourceTest, AnUnknownKeyIdIsLookedForAtOnceButNotTooOften) {
  make_source(1h, 100ms);
  const auto authenticator = with_keys(std::shared_ptr<KeySource>(&*source_, [](KeySource*) {}));
  run_until([&] { return has("1"); });
  answer_.body = set_of(second_, "2");
  const std::string token = second_.token(R"({"alg":"EdDSA","kid":"2"})", R"({"sub":"alice"})");
  // Just read: refused without asking.
  const auto at_once = authenticator->authenticate("", token);
  ASSERT_FALSE(at_once);
  if (at_once.error().code == chat::ErrorCode::unauthorized) EXPECT_EQ(asked_, 1);
  run_until([&] { return authenticator->authenticate("", token).has_value(); });
  EXPECT_EQ(asked_, 2);

  // A forged kid is looked for, and refused once that has been done.
  const std::string forged = second_.token(R"({"alg":"EdDSA","kid":"3"})", R"({"sub":"alice"})");
  run_until([&] {
    const auto refused = authenticator->authenticate("", forged);
    return asked_ >= 3 && refused.error().code == chat::ErrorCode::unauthorized;
  });
}

TEST_F(JwksSourceTest, ReadsAFileAgain) {
  const auto path = std::filesystem::temp_directory_path() / ("jwks-" + std::to_string(::getpid()) + ".json");
  const auto write = [&](const std::string& text) { std::ofstream(path) << text; };
  write(set_of(first_, "1"));
  make_source({.location = path.string(), .refresh = 20ms});
  EXPECT_TRUE(has("1"));  // before anything runs
  EXPECT_TRUE(dependency_.state().up);
  write(set_of(second_, "2"));
  run_until([&] { return has("2"); });
  write("half of i");
  for (int turn = 0; turn < 5; ++turn) reactor_.io().run_one_for(20ms);
  EXPECT_TRUE(has("2"));
  std::filesystem::remove(path);
}

TEST_F(JwksSourceTest, RefusesWhatCannotBeRead) {
  for (const std::string location : {"/nowhere/keys.json", "ftp://host/keys", "http:///keys", "http://host/a b"}) {
    EXPECT_THROW(JwksSource(reactor_.executor(), {.location = location}, dependency_), std::runtime_error) << location;
  }
  EXPECT_EQ(check_jwks_location("http://host:8080/a/keys?x=1"), std::nullopt);
  EXPECT_EQ(check_jwks_location("http://host"), std::nullopt);
  EXPECT_EQ(check_jwks_location("keys.json"), std::nullopt);
  EXPECT_NE(check_jwks_location("http://user@host/keys"), std::nullopt);
}

}  // namespace
}  // namespace simplechat::adapters::jwt

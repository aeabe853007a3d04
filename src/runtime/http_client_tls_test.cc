// The HTTP client over TLS, against this project's own server; what it does with HTTP itself is in http_client_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>

#include "runtime/http_client.h"
#include "runtime/http_server.h"
#include "runtime/loopback_peer.h"
#include "runtime/test_certificate.h"
#include "runtime/tls_client.h"
#include "runtime/tls_context.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;
using Outcome = std::expected<HttpResponse, HttpFailure>;

class HttpClientTlsTest : public testing::Test {
 protected:
  HttpClientTlsTest() {
    routes_.add("POST", "/echo", [](const HttpRequest& request, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.content_type = "text/plain", .body = request.body};
    });
  }
  ~HttpClientTlsTest() override {
    if (server_) on_reactor([this] { server_->stop(); });
    reactors_.stop();
  }

  void serve(const TlsFiles& files) {
    context_.emplace(files);
    server_.emplace(reactors_[0], HttpServer::Options{.tls = &*context_}, routes_);
    server_->start();
    reactors_.start();
  }

  template <class Work>
  void on_reactor(Work work) {
    std::promise<void> done;
    reactors_[0].post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  std::string origin(const std::string& host = "127.0.0.1") const {
    return "https://" + host + ":" + std::to_string(server_->port());
  }

  Outcome call(HttpClient& client, std::string body = "hello") {
    io_.restart();
    auto outcome = boost::asio::co_spawn(
        io_, client.call({.method = "POST", .target = "/echo", .body = std::move(body)}), boost::asio::use_future);
    io_.run();
    return outcome.get();
  }
  Outcome call(const TlsTrust& trust, const std::string& origin) {
    TlsClient tls(trust);
    HttpClient client(io_.get_executor(), origin, {.deadline = 30s, .tls = &tls});
    return call(client);
  }

  const TestCertificateFiles files_{TestCertificate::make("service")};
  const TestCertificateFiles others_{TestCertificate::make("other", "DNS:other")};
  const TlsTrust trust_{.authorities = files_.certificate()};
  HttpRoutes routes_;
  ReactorPool reactors_{1};
  std::optional<TlsContext> context_;
  std::optional<HttpServer> server_;
  boost::asio::io_context io_;
};

TEST_F(HttpClientTlsTest, CallsAndKeepsTheConnection) {
  serve({.certificate = files_.certificate(), .key = files_.key()});
  TlsClient tls(trust_);
  HttpClient client(io_.get_executor(), origin("localhost"), {.deadline = 30s, .tls = &tls});
  const std::string large(5UL * 1024 * 1024, 'x');
  for (const std::string& body : {std::string("hello"), large, std::string("again")}) {
    const Outcome outcome = call(client, body);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_TRUE(outcome->body == body);
  }
}

TEST_F(HttpClientTlsTest, TakesNoCertificateOfOthersNorForOtherHosts) {
  serve({.certificate = others_.certificate(), .key = others_.key()});
  const Outcome unknown = call(trust_, origin());
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("TLS handshake with 127.0.0.1:"));
  EXPECT_THAT(unknown.error().message, HasSubstr("its certificate: "));
  const TlsTrust knows_it{.authorities = others_.certificate()};
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const Outcome misnamed = call(knows_it, origin(host));
    ASSERT_FALSE(misnamed) << host;
    EXPECT_THAT(misnamed.error().message, HasSubstr("mismatch"));
  }
}

TEST_F(HttpClientTlsTest, AHandshakeThatIsNotAnsweredEndsWithTheDeadline) {
  const LoopbackListener silent;
  TlsClient tls(trust_);
  HttpClient client(io_.get_executor(), "https://127.0.0.1:" + std::to_string(silent.port()),
                    {.deadline = 100ms, .tls = &tls});
  const Outcome outcome = call(client);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("not done within 100 ms"));
}

TEST_F(HttpClientTlsTest, WithoutTrustNothingIsCalled) {
  const LoopbackListener listener;
  HttpClient client(io_.get_executor(), "https://127.0.0.1:" + std::to_string(listener.port()), {.deadline = 30s});
  EXPECT_FALSE(call(client));
}

TEST_F(HttpClientTlsTest, AServerThatAsksForCertificatesTakesOnlyThoseOfItsAuthorities) {
  serve({.certificate = files_.certificate(), .key = files_.key(), .client_authorities = others_.certificate()});
  const auto showing = [this](const TestCertificateFiles& shown) {
    return TlsTrust{.authorities = files_.certificate(), .certificate = shown.certificate(), .key = shown.key()};
  };
  EXPECT_FALSE(call(trust_, origin()));
  EXPECT_FALSE(call(showing(files_), origin()));
  const Outcome trusted = call(showing(others_), origin());
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->body, "hello");
}

TEST_F(HttpClientTlsTest, ReloadsWhatItShowsAndWhomItBelieves) {
  serve({.certificate = files_.certificate(), .key = files_.key()});
  const TestCertificateFiles changing(TestCertificate::make("unrelated"));
  TlsClient tls({.authorities = changing.certificate()});
  HttpClient client(io_.get_executor(), origin(), {.deadline = 30s, .tls = &tls});
  EXPECT_FALSE(call(client));
  std::filesystem::copy_file(files_.certificate(), changing.certificate(),
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(tls.reload());
  EXPECT_TRUE(call(client));
  std::filesystem::resize_file(changing.certificate(), 0);
  EXPECT_FALSE(tls.reload());
}

TEST(TlsClient, NamesTheFileThatIsNoGood) {
  EXPECT_THROW(TlsClient({.authorities = "/no/such/file"}), std::runtime_error);
  const TestCertificateFiles files(TestCertificate::make("one"));
  const TestCertificateFiles others(TestCertificate::make("two"));
  EXPECT_THROW(TlsClient({.certificate = files.certificate(), .key = others.key()}), std::runtime_error);
}

TEST(CheckHttpOrigin, HttpsIsOne) {
  EXPECT_FALSE(check_http_origin("https://localhost"));
  EXPECT_FALSE(check_http_origin("https://localhost:8443/"));
  EXPECT_TRUE(check_http_origin("https://"));
  EXPECT_TRUE(check_http_origin("https://localhost/path"));
}

}  // namespace
}  // namespace simplechat::runtime

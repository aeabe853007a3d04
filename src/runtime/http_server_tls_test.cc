// The HTTP server where it speaks TLS; what it does with HTTP itself is in http_server_test.cc.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <future>
#include <optional>
#include <stdexcept>

#include "runtime/http_server.h"
#include "runtime/loopback_peer.h"
#include "runtime/metrics.h"
#include "runtime/test_certificate.h"
#include "runtime/tls_context.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

const std::string kGet = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n";
const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// A blocking client.
class TlsPeer {
 public:
  explicit TlsPeer(std::uint16_t port) : fd_(connected(port)), tls_(fd_) {
    if (SSL_do_handshake(tls_.ssl()) != 1) throw std::runtime_error("no handshake");
  }
  ~TlsPeer() { ::close(fd_); }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  void send(std::string_view bytes) {
    if (SSL_write(tls_.ssl(), bytes.data(), static_cast<int>(bytes.size())) != static_cast<int>(bytes.size())) {
      throw std::runtime_error("the server does not read");
    }
  }
  // Up to that many bytes; fewer at the end.
  std::string read(std::size_t count) {
    std::string text;
    std::array<char, 4096> bytes;
    std::size_t got = 0;
    while (text.size() < count &&
           SSL_read_ex(tls_.ssl(), bytes.data(), std::min(bytes.size(), count - text.size()), &got) == 1) {
      text.append(bytes.data(), got);
    }
    return text;
  }
  std::string read_header() {
    std::string text;
    while (!text.ends_with("\r\n\r\n")) {
      const std::string byte = read(1);
      if (byte.empty()) break;
      text += byte;
    }
    return text;
  }
  [[nodiscard]] bool told_of_the_end() {
    return read(1).empty() && SSL_get_shutdown(tls_.ssl()) == SSL_RECEIVED_SHUTDOWN;
  }

 private:
  static int connected(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval timeout{30, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
    return fd;
  }

  int fd_;
  TestTlsClient tls_;
};

class HttpServerTlsTest : public testing::Test {
 protected:
  HttpServerTlsTest() {
    routes_.add("GET", "/hello", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.content_type = "text/plain", .body = "hello"};
    });
    routes_.add("POST", "/echo", [](const HttpRequest& request, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.content_type = "text/plain", .body = request.body};
    });
  }
  ~HttpServerTlsTest() override {
    if (server_) on_reactor([this] { server_->stop(); });
    reactors_.stop();
  }

  void start(HttpServer::Options options = {}, HttpServer::UpgradeHandler on_upgrade = {}) {
    options.tls = &context_;
    server_.emplace(reactors_[0], std::move(options), routes_, std::move(on_upgrade));
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

  TestCertificateFiles files_{TestCertificate::make("under test")};
  TlsContext context_{{.certificate = files_.certificate(), .key = files_.key()}};
  HttpRoutes routes_;
  ReactorPool reactors_{1};
  std::optional<HttpServer> server_;
};

TEST_F(HttpServerTlsTest, AnswersAndKeepsTheConnection) {
  start({.hsts_max_age = 17s});
  TlsPeer peer(server_->port());
  for (int i = 0; i < 3; ++i) {
    peer.send(kGet);
    const std::string header = peer.read_header();
    EXPECT_THAT(header, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(header, HasSubstr("\r\nStrict-Transport-Security: max-age=17\r\n"));
    EXPECT_EQ(peer.read(5), "hello");
  }
  peer.send(kGet + kGet);  // in one record
  for (int i = 0; i < 2; ++i) {
    peer.read_header();
    EXPECT_EQ(peer.read(5), "hello");
  }
}

TEST_F(HttpServerTlsTest, SaysCloseNotifyWhenItCloses) {
  start();
  TlsPeer peer(server_->port());
  peer.send("GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer.read_header(), AllOf(HasSubstr("Connection: close"), Not(HasSubstr("Strict-Transport-Security"))));
  EXPECT_EQ(peer.read(5), "hello");
  EXPECT_TRUE(peer.told_of_the_end());
}

TEST_F(HttpServerTlsTest, CarriesBodiesThatAreLongerThanAnyBuffer) {
  start();
  TlsPeer peer(server_->port());
  const std::string body(6UL * 1024 * 1024, 'b');
  peer.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  peer.send(body);
  EXPECT_THAT(peer.read_header(), HasSubstr("Content-Length: " + std::to_string(body.size())));
  EXPECT_TRUE(peer.read(body.size()) == body);
}

TEST_F(HttpServerTlsTest, RefusalsReachTheClient) {
  start({.body_bytes_max = 10});
  TlsPeer peer(server_->port());
  peer.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'b'));
  EXPECT_THAT(peer.read_header(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTlsTest, TellsWhoSpeaksPlainHttp) {
  start({.hsts_max_age = 17s});
  const std::string post = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc";
  for (const std::string& request : {kGet, post}) {
    LoopbackPeer plain(server_->port());
    plain.send(request);
    const auto answer = plain.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status(), 400);
    EXPECT_THAT(answer->header, Not(HasSubstr("Strict-Transport-Security")));
    EXPECT_THAT(answer->body, HasSubstr("speaks TLS"));
    EXPECT_TRUE(plain.read_closed());
  }
}

TEST_F(HttpServerTlsTest, ClosesAndCountsWhoSendsGarbageOrDoesNotFinishTheHandshake) {
  MetricsRegistry metrics;
  Counter* const failed = count_tls_handshakes_failed(metrics, "api", &context_);
  EXPECT_EQ(count_tls_handshakes_failed(metrics, "other", nullptr), nullptr);
  start({.request_deadline = 200ms, .tls_handshakes_failed = failed});
  LoopbackPeer garbage(server_->port());
  garbage.send(std::string(100, '\xff'));
  garbage.read_bytes(1000);  // an alert, perhaps
  EXPECT_TRUE(garbage.read_closed());
  LoopbackPeer silent(server_->port());
  EXPECT_TRUE(silent.read_closed());
  LoopbackPeer slow(server_->port());
  slow.send(std::string("\x16\x03\x01\x02\x00\x01", 6));  // the first bytes of a ClientHello
  EXPECT_TRUE(slow.read_closed());
  TlsPeer good(server_->port());
  good.send(kGet);
  EXPECT_THAT(good.read_header(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(failed->value(), 3U);
  EXPECT_THAT(metrics.scrape(), HasSubstr(R"(simplechat_tls_handshakes_failed_total{listener="api"} 3)"));
}

TEST_F(HttpServerTlsTest, HandsAnUpgradeOverWithTheTlsSessionAndWhatCameBehindIt) {
  std::promise<HttpUpgrade> handed;
  start({}, [&handed](HttpUpgrade&& upgrade) {
    handed.set_value(std::move(upgrade));
    return true;
  });
  TlsPeer peer(server_->port());
  const std::string behind(9000, 'p');  // more than the server asks for at once, in the request's own record
  peer.send(kUpgrade + behind);
  HttpUpgrade upgrade = handed.get_future().get();
  ASSERT_NE(upgrade.tls, nullptr);
  EXPECT_TRUE(upgrade.pipelined == behind);
  EXPECT_FALSE(upgrade.tls->pending());
  EXPECT_EQ(upgrade.tls->send("taken"), 5);
  EXPECT_EQ(peer.read(5), "taken");
  peer.send("further");
  std::array<char, 64> bytes;
  ssize_t got = -1;
  while (got < 0) got = upgrade.tls->recv(bytes);
  EXPECT_EQ(std::string(bytes.data(), static_cast<std::size_t>(got)), "further");
  upgrade.tls.reset();
  on_reactor([&upgrade] { const auto gone = std::move(upgrade.socket); });
}

TEST_F(HttpServerTlsTest, ADeclinedUpgradeIsAnsweredAsAnyRequest) {
  start({}, [](HttpUpgrade&&) { return false; });
  TlsPeer peer(server_->port());
  peer.send(kUpgrade + kGet);
  EXPECT_THAT(peer.read_header(), StartsWith("HTTP/1.1 404 "));
}

}  // namespace
}  // namespace simplechat::runtime

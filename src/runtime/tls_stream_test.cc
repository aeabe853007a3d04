#include "runtime/tls_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "runtime/test_certificate.h"
#include "runtime/tls_context.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using Shake = TlsStream::Shake;

// Both ends in one thread, over a pair of sockets that never block.
class TlsStreamTest : public testing::Test {
 protected:
  TlsStreamTest() { connect(); }
  ~TlsStreamTest() override { disconnect(); }

  // Anew, where there was a connection.
  void connect() {
    disconnect();
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_) != 0) throw std::runtime_error("socketpair");
    server_ = context_.accept(ends_[0]);
  }
  void disconnect() {
    close_client();
    if (ends_[0] >= 0) ::close(std::exchange(ends_[0], -1));
  }

  void close_client() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }

  // Lets both sides act until the server's handshake has an outcome.
  Shake shake_hands(TestTlsClient& client) {
    Shake step = Shake::wants_read;
    for (int turn = 0; turn < 100 && (step == Shake::wants_read || step == Shake::wants_write); ++turn) {
      SSL_do_handshake(client.ssl());
      step = server_->handshake();
    }
    std::array<char, 1> nothing;
    std::size_t got = 0;
    if (step == Shake::done) SSL_read_ex(client.ssl(), nothing.data(), nothing.size(), &got);  // the ticket
    return step;
  }

  // What a reader with a buffer of its own gets of all that has come.
  std::string read_all() {
    std::array<char, 4096> received;
    std::array<char, 1000> plain;
    std::string text;
    for (;;) {
      const ssize_t got = ::recv(ends_[0], received.data(), received.size(), 0);
      if (got <= 0) return text;
      std::span<const char> rest(received.data(), static_cast<std::size_t>(got));
      for (ssize_t count = 1; count > 0;) {
        count = server_->decrypt(rest, plain);
        if (count > 0) text.append(plain.data(), static_cast<std::size_t>(count));
      }
      EXPECT_TRUE(rest.empty());
    }
  }

  static std::string read_all(TestTlsClient& client) {
    std::array<char, 4096> plain;
    std::string text;
    std::size_t got = 0;
    while (SSL_read_ex(client.ssl(), plain.data(), plain.size(), &got) == 1) text.append(plain.data(), got);
    return text;
  }

  TestCertificateFiles files_{TestCertificate::make("under test")};
  TlsContext context_{{.certificate = files_.certificate(), .key = files_.key()}};
  int ends_[2] = {-1, -1};
  std::unique_ptr<TlsStream> server_;
};

TEST_F(TlsStreamTest, CarriesBytesBothWays) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    connect();
    TestTlsClient client(ends_[1], {.version_max = version});
    ASSERT_EQ(shake_hands(client), Shake::done);
    EXPECT_EQ(SSL_version(client.ssl()), version);
    EXPECT_EQ(client.server_name(), "under test");
    EXPECT_EQ(SSL_write(client.ssl(), "to the server", 13), 13);
    EXPECT_EQ(read_all(), "to the server");
    EXPECT_EQ(server_->send("to the client"), 13);
    EXPECT_FALSE(server_->unsent());
    EXPECT_EQ(read_all(client), "to the client");
  }
}

TEST_F(TlsStreamTest, RecvGivesARecordInPiecesAndSaysThatSomeIsPending) {
  TestTlsClient client(ends_[1]);
  ASSERT_EQ(shake_hands(client), Shake::done);
  ASSERT_EQ(SSL_write(client.ssl(), "abcdef", 6), 6);
  std::array<char, 4> bytes;
  EXPECT_FALSE(server_->pending());
  EXPECT_EQ(server_->recv(bytes), 4);
  EXPECT_TRUE(server_->pending());
  EXPECT_EQ(server_->recv(bytes), 2);
  EXPECT_FALSE(server_->pending());
  EXPECT_EQ(server_->recv(bytes), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(TlsStreamTest, DecryptTakesRecordsHoweverTheyAreCut) {
  TestTlsClient client(ends_[1]);
  ASSERT_EQ(shake_hands(client), Shake::done);
  const std::string sent(50'000, 'x');
  ASSERT_EQ(SSL_write(client.ssl(), sent.data(), static_cast<int>(sent.size())), static_cast<int>(sent.size()));
  std::string text;
  std::array<char, 7> received;
  std::array<char, 16 * 1024> plain;
  for (ssize_t got = 0; (got = ::recv(ends_[0], received.data(), received.size(), 0)) > 0;) {
    std::span<const char> rest(received.data(), static_cast<std::size_t>(got));
    for (ssize_t count = 1; count > 0;) {
      count = server_->decrypt(rest, plain);
      if (count > 0) text.append(plain.data(), static_cast<std::size_t>(count));
    }
  }
  EXPECT_EQ(text, sent);
}

TEST_F(TlsStreamTest, KeepsWhatTheKernelDoesNotTakeAndGoesOnLater) {
  TestTlsClient client(ends_[1]);
  ASSERT_EQ(shake_hands(client), Shake::done);
  std::string text(4UL * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i / 1000 % 26);

  std::size_t taken = 0;
  std::string came;
  int full = 0;
  while (taken < text.size() || server_->unsent()) {
    const ssize_t put = server_->send(std::string_view(text).substr(taken));
    if (put < 0) {
      ASSERT_EQ(errno, EAGAIN);
      EXPECT_TRUE(server_->unsent());
      ++full;
      came += read_all(client);
    } else {
      taken += static_cast<std::size_t>(put);
    }
  }
  came += read_all(client);
  EXPECT_GT(full, 0);
  EXPECT_EQ(came.size(), text.size());
  EXPECT_TRUE(came == text);
}

TEST_F(TlsStreamTest, AnswersAChangeOfKeys) {
  TestTlsClient client(ends_[1]);
  ASSERT_EQ(shake_hands(client), Shake::done);
  ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(SSL_write(client.ssl(), "new", 3), 3);
  EXPECT_EQ(read_all(), "new");
  ASSERT_EQ(server_->send("new, too"), 8);
  EXPECT_EQ(read_all(client), "new, too");
}

TEST_F(TlsStreamTest, FailsAtOnceWhereAnswersThatNobodyReadsPileUp) {
  TestTlsClient client(ends_[1]);
  ASSERT_EQ(shake_hands(client), Shake::done);
  const std::string much(1024UL * 1024, 'x');
  while (!server_->unsent()) ASSERT_GT(server_->send(much), 0);  // the kernel's buffer is full

  std::array<char, 64> plain;
  ssize_t got = -1;
  int asked = 0;
  errno = EAGAIN;
  while (got < 0 && errno == EAGAIN && asked < 10'000) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client.ssl());  // sends it
    ++asked;
    got = server_->recv(plain);
  }
  EXPECT_EQ(got, -1);
  EXPECT_NE(errno, EAGAIN) << "after " << asked;
  EXPECT_LT(asked, 10'000);
}

TEST_F(TlsStreamTest, APeersEndIsTheEndWithAndWithoutCloseNotify) {
  TestTlsClient client(ends_[1]);
  ASSERT_EQ(shake_hands(client), Shake::done);
  SSL_shutdown(client.ssl());
  std::array<char, 64> plain;
  EXPECT_EQ(server_->recv(plain), 0);
  EXPECT_EQ(server_->send("still here"), 10);  // only the other direction has ended
  EXPECT_EQ(read_all(client), "still here");

  connect();
  TestTlsClient abrupt(ends_[1]);
  ASSERT_EQ(shake_hands(abrupt), Shake::done);
  close_client();
  EXPECT_EQ(server_->recv(plain), 0);
}

TEST_F(TlsStreamTest, SaysCloseNotify) {
  TestTlsClient client(ends_[1]);
  ASSERT_EQ(shake_hands(client), Shake::done);
  server_->end_sending();
  EXPECT_EQ(read_all(client), "");
  EXPECT_EQ(SSL_get_shutdown(client.ssl()), SSL_RECEIVED_SHUTDOWN);
}

TEST_F(TlsStreamTest, RefusesOldVersionsOtherProtocolsAndWhatIsNoTls) {
  TestTlsClient old(ends_[1], {.version_max = TLS1_1_VERSION});
  EXPECT_EQ(shake_hands(old), Shake::failed);
  EXPECT_THAT(server_->failure(), HasSubstr("unsupported protocol"));

  connect();
  ASSERT_EQ(::send(ends_[1], "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
  EXPECT_EQ(server_->handshake(), Shake::failed);
  EXPECT_TRUE(server_->met_plain_http());
}

TEST_F(TlsStreamTest, RefusesGarbage) {
  const std::string garbage(300, '\xff');
  ASSERT_EQ(::send(ends_[1], garbage.data(), garbage.size(), 0), 300);
  EXPECT_EQ(server_->handshake(), Shake::failed);
  EXPECT_FALSE(server_->met_plain_http());
  EXPECT_NE(server_->failure(), "");
}

TEST_F(TlsStreamTest, ChoosesHttp11AndRefusesWhoOffersOnlyOtherProtocols) {
  TestTlsClient both(ends_[1], {.alpn = "\x02h2\x08http/1.1"});
  ASSERT_EQ(shake_hands(both), Shake::done);
  const unsigned char* chosen = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(both.ssl(), &chosen, &length);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), length), "http/1.1");

  connect();
  TestTlsClient other(ends_[1], {.alpn = "\x02h2"});
  EXPECT_EQ(shake_hands(other), Shake::failed);
}

}  // namespace
}  // namespace simplechat::runtime

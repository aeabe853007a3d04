#include "runtime/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <thread>

#include "runtime/test_certificate.h"

namespace simplechat::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using Session = std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)>;

struct Seen {
  std::string server_name;
  bool resumed = false;
  Session session{nullptr, SSL_SESSION_free};
};

// One client that connects, gets a byte, and leaves.
Seen visit(TlsContext& context, SSL_SESSION* resumed = nullptr, int version = TLS1_3_VERSION) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("socketpair");
  std::jthread server([&context, fd = ends[0]] {
    const auto stream = context.accept(fd);
    while (stream->handshake() == TlsStream::Shake::wants_read) std::this_thread::yield();
    EXPECT_EQ(stream->send("x"), 1);
  });
  TestTlsClient client(ends[1], {.version_max = version, .resumed = resumed});
  char byte = 0;
  EXPECT_EQ(SSL_read(client.ssl(), &byte, 1), 1);
  server.join();
  Seen seen{.server_name = client.server_name(), .resumed = SSL_session_reused(client.ssl()) == 1};
  seen.session.reset(SSL_get1_session(client.ssl()));
  SSL_shutdown(client.ssl());  // or OpenSSL takes the session for a broken one
  ::close(ends[0]);
  ::close(ends[1]);
  return seen;
}

std::string refusal(const std::string& certificate, const std::string& key) {
  try {
    const TlsContext context({.certificate = certificate, .key = key});
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(TlsContext, NamesTheFileThatIsNoGood) {
  const TestCertificateFiles files(TestCertificate::make("one"));
  const TestCertificateFiles others(TestCertificate::make("two"));
  EXPECT_THAT(refusal("/no/such/file", files.key()), StartsWith("tls-cert /no/such/file: "));
  EXPECT_THAT(refusal(files.certificate(), "/no/such/file"), StartsWith("tls-key /no/such/file: "));
  EXPECT_THAT(refusal(files.key(), files.key()), StartsWith("tls-cert " + files.key()));
  EXPECT_THAT(refusal(files.certificate(), others.key()), HasSubstr("mismatch"));
  EXPECT_EQ(refusal(files.certificate(), files.key()), "accepted");
}

TEST(TlsContext, ReloadsForNewConnections) {
  const TestCertificateFiles files(TestCertificate::make("one"));
  TlsContext context({.certificate = files.certificate(), .key = files.key()});
  EXPECT_EQ(visit(context).server_name, "one");
  files.replace(TestCertificate::make("two"));
  EXPECT_EQ(visit(context).server_name, "one");
  ASSERT_TRUE(context.reload());
  EXPECT_EQ(visit(context).server_name, "two");
}

TEST(TlsContext, StaysWithTheOldOneWhereTheNewOneIsNoGood) {
  const TestCertificateFiles files(TestCertificate::make("one"));
  TlsContext context({.certificate = files.certificate(), .key = files.key()});
  files.replace({.certificate = TestCertificate::make("two").certificate, .key = TestCertificate::make("three").key});
  const auto reloaded = context.reload();
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.error(), HasSubstr(files.key()));
  EXPECT_EQ(visit(context).server_name, "one");
  std::ofstream(files.certificate()) << "-----BEGIN CERTIFICATE-----\nbroken\n";
  EXPECT_FALSE(context.reload());
  EXPECT_EQ(visit(context).server_name, "one");
}

TEST(TlsContext, ClientsComeBackByTicketUntilTheKeyChanges) {
  const TestCertificateFiles files(TestCertificate::make("one"));
  TlsContext context({.certificate = files.certificate(), .key = files.key()});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Seen first = visit(context, nullptr, version);
    EXPECT_FALSE(first.resumed);
    const Seen second = visit(context, first.session.get(), version);
    EXPECT_TRUE(second.resumed);
    ASSERT_TRUE(context.reload());
    EXPECT_FALSE(visit(context, second.session.get(), version).resumed);
  }
}

TEST(TlsContext, TheTicketKeyChangesByItself) {
  const TestCertificateFiles files(TestCertificate::make("one"));
  TlsContext context({.certificate = files.certificate(), .key = files.key()}, std::chrono::seconds(0));
  const Seen first = visit(context);
  EXPECT_EQ(first.server_name, "one");
  const Seen second = visit(context, first.session.get());
  EXPECT_FALSE(second.resumed);
  EXPECT_EQ(second.server_name, "one");
}

}  // namespace
}  // namespace simplechat::runtime

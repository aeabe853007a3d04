// rediss://, against a real server.
#include "adapters/redis/tls_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/redis/private_server.h"
#include "runtime/loopback_peer.h"
#include "runtime/test_certificate.h"

namespace simplechat::adapters::redis {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class RedisOverTls : public testing::Test {
 protected:
  RedisOverTls() { server_.start(); }

  chat::Result<Connection> open(const runtime::TlsTrust& trust, std::chrono::milliseconds timeout = 10s) const {
    runtime::TlsClient client(trust);
    return Connection::open({.port = port_, .tls = true}, timeout, &client);
  }

  const runtime::TestCertificateFiles files_{runtime::TestCertificate::make("redis")};
  const runtime::TestCertificateFiles others_{runtime::TestCertificate::make("other", "DNS:other")};
  const runtime::TlsTrust trust_{.authorities = files_.certificate()};
  const std::uint16_t port_ = runtime::LoopbackListener().port();
  PrivateServer server_{{"--tls-port", std::to_string(port_), "--tls-cert-file", files_.certificate(), "--tls-key-file",
                         files_.key(), "--tls-ca-cert-file", files_.certificate(), "--tls-auth-clients", "optional"}};
};

TEST_F(RedisOverTls, CommandsGoOutPipelinedAndRepliesComeBackInOrder) {
  auto redis = open(trust_);
  ASSERT_TRUE(redis) << redis.error().message;
  EXPECT_FALSE(redis->run_id().empty());
  const std::string large(3UL * 1024 * 1024, 'x');  // many records
  redis->append({"SET", "large", large});
  redis->append({"GET", "large"});
  redis->append({"ECHO", "after it"});
  EXPECT_TRUE(redis->receive_success());
  const auto got = redis->receive_success();
  ASSERT_TRUE(got);
  EXPECT_TRUE(text_of(**got) == large);
  EXPECT_EQ(text_of(**redis->receive_success()), "after it");
  const auto refused = redis->call({"NO-SUCH-COMMAND"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(text_of(**redis->call({"ECHO", "goes on"})), "goes on");
}

TEST_F(RedisOverTls, TakesNoCertificateOfOthersNorForOtherHosts) {
  const auto unknown = open({.authorities = others_.certificate()});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("certificate"));
  EXPECT_FALSE(open({}));  // the system does not know it either

  const std::uint16_t port = runtime::LoopbackListener().port();
  PrivateServer other({"--tls-port", std::to_string(port), "--tls-cert-file", others_.certificate(), "--tls-key-file",
                       others_.key(), "--tls-ca-cert-file", others_.certificate(), "--tls-auth-clients", "no"});
  other.start();
  runtime::TlsClient client({.authorities = others_.certificate()});
  const auto misnamed = Connection::open({.port = port, .tls = true}, 10s, &client);
  ASSERT_FALSE(misnamed);
  EXPECT_THAT(misnamed.error().message, HasSubstr("IP address mismatch"));
}

TEST_F(RedisOverTls, EachStepHasItsTime) {
  auto redis = open(trust_, 200ms);
  ASSERT_TRUE(redis);
  server_.stand_still();
  const auto reply = redis->call({"PING"});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("no answer in time"));
  EXPECT_FALSE(open(trust_, 200ms));  // the kernel accepts, nobody shakes hands
  server_.go_on();
}

TEST_F(RedisOverTls, TheServersEndIsAnError) {
  auto redis = open(trust_);
  ASSERT_TRUE(redis);
  server_.kill();
  EXPECT_FALSE(redis->call({"PING"}));
}

TEST_F(RedisOverTls, IsNotReachedWithoutTls) {
  EXPECT_FALSE(Connection::open({.port = port_}, 10s));
  EXPECT_FALSE(Connection::open({.port = server_.url().port, .tls = true}, 500ms, nullptr));
}

}  // namespace
}  // namespace simplechat::adapters::redis

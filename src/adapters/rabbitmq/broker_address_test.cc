#include "adapters/rabbitmq/broker_address.h"

#include <gtest/gtest.h>

namespace simplechat::adapters::rabbitmq {
namespace {

TEST(BrokerAddressTest, EveryPartIsRead) {
  EXPECT_EQ(
      parse_broker_url("amqp://chat:s%40fe@mq.example:5673/team%2Fone"),
      (BrokerAddress{.host = "mq.example", .port = 5673, .user = "chat", .password = "s@fe", .vhost = "team/one"}));
  EXPECT_EQ(parse_broker_url("amqp://u:p@[::1]:1234/v"),
            (BrokerAddress{.host = "::1", .port = 1234, .user = "u", .password = "p", .vhost = "v"}));
}

TEST(BrokerAddressTest, WhatIsAbsentHasADefault) {
  const BrokerAddress defaults{.host = "127.0.0.1", .port = 5672, .user = "guest", .password = "guest", .vhost = "/"};
  EXPECT_EQ(parse_broker_url("amqp://127.0.0.1"), defaults);
  EXPECT_EQ(parse_broker_url("amqp://guest:guest@127.0.0.1:5672"), defaults);
  EXPECT_EQ(parse_broker_url("amqp://127.0.0.1/"), defaults) << "a final slash does not mean a vhost without a name";
  EXPECT_EQ(parse_broker_url("amqp://127.0.0.1/%2F"), defaults);
}

TEST(BrokerAddressTest, AmqpsIsTheSameOverTls) {
  EXPECT_EQ(
      parse_broker_url("amqps://u:p@mq.example/v"),
      (BrokerAddress{.host = "mq.example", .port = 5671, .user = "u", .password = "p", .vhost = "v", .tls = true}));
  EXPECT_EQ(parse_broker_url("amqps://u:p@mq.example:1/v")->port, 1);
}

TEST(BrokerAddressTest, WhatIsNoBrokerUrlIsRefusedWithoutShowingThePassword) {
  for (const char* url : {"", "127.0.0.1:5672", "http://a", "amqp://h:notaport", "amqp://h:99999", "amqp://h:0",
                          "amqp://u:secret@h:5672/a/b", "amqp://u:secret@h:x", "amqpss://u:secret@h"}) {
    const auto parsed = parse_broker_url(url);
    ASSERT_FALSE(parsed.has_value()) << url;
    EXPECT_EQ(parsed.error().find("secret"), std::string::npos) << url;
  }
}

}  // namespace
}  // namespace simplechat::adapters::rabbitmq

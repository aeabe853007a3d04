#include "sv_websocket/client_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace simplechat::sv_websocket {
namespace {

using ::testing::HasSubstr;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

TrustedProxies trusting(std::string_view networks, ProxyHeader header = ProxyHeader::x_forwarded_for) {
  return TrustedProxies::parse(networks, header).value();
}

TEST(IpAddress, ReadsBothVersionsAndNothingElse) {
  EXPECT_TRUE(IpAddress::parse("192.0.2.1"));
  EXPECT_TRUE(IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
  for (const char* text : {"", "unknown", "192.0.2", "192.0.2.1 ", "[::1]", "1.2.3.4:5", "192.0.2.256"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string(100, '1')));
}

TEST(IpAddress, IsWrittenAsItIsRead) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::1", "::"}) EXPECT_EQ(ip(text).text(), text);
  EXPECT_EQ(ip("::ffff:192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(ip("2001:DB8:0::0:1").text(), "2001:db8::1");
}

TEST(IpAddress, OneThatNobodyHasStandsForNone) {
  EXPECT_FALSE(IpAddress().known());
  EXPECT_EQ(IpAddress().subscriber(), 0);
  for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::1"}) EXPECT_TRUE(ip(text).known()) << text;
}

TEST(IpAddress, CountsAnIpv6NetworkAsOneSubscriber) {
  EXPECT_EQ(ip("2001:db8:0:1::1").subscriber(), ip("2001:db8:0:1:ffff::2").subscriber());
  EXPECT_NE(ip("2001:db8:0:1::1").subscriber(), ip("2001:db8:0:2::1").subscriber());
  EXPECT_NE(ip("192.0.2.1").subscriber(), ip("192.0.2.2").subscriber());
  EXPECT_NE(ip("::1").subscriber(), 0);
  EXPECT_NE(ip("0.0.0.0").subscriber(), 0);
}

TEST(TrustedProxies, BelievesNobodyElse) {
  const TrustedProxies proxies = trusting("10.0.0.0/8, 2001:db8::/33");
  EXPECT_EQ(proxies.client("192.0.2.1", "203.0.113.9"), ip("192.0.2.1"));
  EXPECT_EQ(proxies.client("11.0.0.1", "203.0.113.9"), ip("11.0.0.1"));
  EXPECT_EQ(proxies.client("10.255.0.1", "203.0.113.9"), ip("203.0.113.9"));
  EXPECT_EQ(proxies.client("2001:db8:7fff::1", "203.0.113.9"), ip("203.0.113.9"));
  EXPECT_EQ(proxies.client("2001:db8:8000::1", "203.0.113.9"), ip("2001:db8:8000::1"));
  EXPECT_EQ(trusting("none").client("127.0.0.1", "203.0.113.9"), ip("127.0.0.1"));
}

TEST(TrustedProxies, TakesTheLastAddressThatNoProxyMadeUp) {
  const TrustedProxies proxies = trusting("10.0.0.0/8");
  EXPECT_EQ(proxies.client("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2"), ip("203.0.113.9"));
  EXPECT_EQ(proxies.client("10.0.0.1", "203.0.113.9:4711"), ip("203.0.113.9"));
  EXPECT_EQ(proxies.client("10.0.0.1", "[2001:db8::1]:80"), ip("2001:db8::1"));
  EXPECT_EQ(proxies.client("10.0.0.1", "2001:db8::1"), ip("2001:db8::1"));
}

TEST(TrustedProxies, KnowsNobodyWhereTheProxySaysNothingUseful) {
  const TrustedProxies proxies = trusting("10.0.0.0/8");
  for (const char* header : {"", "unknown", "10.0.0.2", "203.0.113.9, unknown", ",", "[", "203.0.113.9,", "::"}) {
    EXPECT_FALSE(proxies.client("10.0.0.1", header).known()) << header;
  }
}

TEST(TrustedProxies, ReadsTheStandardHeaderWhereItIsAskedTo) {
  const TrustedProxies proxies = trusting("10.0.0.0/8", ProxyHeader::forwarded);
  EXPECT_EQ(proxies.client("10.0.0.1", R"(for=1.1.1.1, For="[2001:db8::1]:47";proto=https)"), ip("2001:db8::1"));
  EXPECT_EQ(proxies.client("10.0.0.1", "proto=https;for=203.0.113.9;by=10.0.0.1"), ip("203.0.113.9"));
  EXPECT_FALSE(proxies.client("10.0.0.1", "proto=https").known());
  EXPECT_FALSE(proxies.client("10.0.0.1", "for=_hidden").known());
}

TEST(TrustedProxies, NamesWhatIsNoNetwork) {
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "proxy.example", "::/129", "10.0.0.0/-1", ",,"}) {
    const auto parsed = TrustedProxies::parse(text, ProxyHeader::x_forwarded_for);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), HasSubstr("neither an address nor a range"));
  }
}

}  // namespace
}  // namespace simplechat::sv_websocket

#include "websocket/handshake.h"

#include <gtest/gtest.h>

#include <string_view>

#include "websocket/client_codec.h"

namespace simplechat::websocket {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";  // RFC 6455 1.3

constexpr UpgradeHeaders kValid{.method = "GET",
                                .http_version = "1.1",
                                .connection = "Upgrade",
                                .upgrade = "websocket",
                                .sec_websocket_version = "13",
                                .sec_websocket_key = kKey};

// The status of the refusal; 101 if there is none.
unsigned status_with(std::string_view UpgradeHeaders::* header, std::string_view value) {
  UpgradeHeaders headers = kValid;
  headers.*header = value;
  const auto accept = check_upgrade(headers);
  return accept ? 101 : accept.error().status;
}

TEST(Handshake, AcceptKeyOfTheRfcsExample) { EXPECT_EQ(accept_key(kKey), kAccept); }

TEST(Handshake, AcceptsAValidRequest) { EXPECT_EQ(check_upgrade(kValid), kAccept); }

TEST(Handshake, NeedsGetAndHttp11) {
  EXPECT_EQ(status_with(&UpgradeHeaders::method, "POST"), 400U);
  EXPECT_EQ(status_with(&UpgradeHeaders::method, "get"), 400U);
  EXPECT_EQ(status_with(&UpgradeHeaders::http_version, "1.0"), 400U);
  EXPECT_EQ(status_with(&UpgradeHeaders::http_version, "2"), 400U);
}

TEST(Handshake, ConnectionAndUpgradeAreListsOfTokensInAnyCase) {
  for (const std::string_view value :
       {"upgrade", "UPGRADE", "keep-alive, Upgrade", "keep-alive,upgrade ,x", "\tUpgrade "}) {
    EXPECT_EQ(status_with(&UpgradeHeaders::connection, value), 101U) << value;
  }
  for (const std::string_view value :
       {"", "keep-alive", "upgraded", "no-upgrade", "up grade", ",", "keep-alive Upgrade"}) {
    EXPECT_EQ(status_with(&UpgradeHeaders::connection, value), 400U) << value;
  }
  for (const std::string_view value : {"WebSocket", "h2c, websocket"}) {
    EXPECT_EQ(status_with(&UpgradeHeaders::upgrade, value), 101U) << value;
  }
  for (const std::string_view value : {"", "h2c", "websockets", "web socket"}) {
    EXPECT_EQ(status_with(&UpgradeHeaders::upgrade, value), 400U) << value;
  }
}

TEST(Handshake, OtherVersionsGet426) {
  for (const std::string_view value : {"", "8", "14", "013", "13, 8", "0"}) {
    EXPECT_EQ(status_with(&UpgradeHeaders::sec_websocket_version, value), 426U) << value;
  }
}

TEST(Handshake, KeyIsBase64OfSixteenBytes) {
  EXPECT_EQ(status_with(&UpgradeHeaders::sec_websocket_key, "AAAAAAAAAAAAAAAAAAAAAA=="), 101U);
  EXPECT_EQ(status_with(&UpgradeHeaders::sec_websocket_key, "+/+/+/+/+/+/+/+/+/+/+w=="), 101U);
  for (const std::string_view value :
       {"", "==", "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZWE=", "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25j-_==", "dGhlIHNhbXBsZSBub 5jZQ==", "dGhlIHNhbXBsZSBub25jZQ==AAAA"}) {
    EXPECT_EQ(status_with(&UpgradeHeaders::sec_websocket_key, value), 400U) << value;
  }
}

TEST(Handshake, AnswerAndRequestAreWholeHttpHeads) {
  EXPECT_EQ(switching_protocols(kAccept),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  EXPECT_EQ(upgrade_request("localhost:8082", "/ws", kKey),
            "GET /ws HTTP/1.1\r\nHost: localhost:8082\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
}

}  // namespace
}  // namespace simplechat::websocket

#include "wire/directory_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace simplechat::wire {
namespace {

using chat::ErrorCode;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

const chat::GatewayIdentity kGateway{.url = "http://10.0.0.7:3002", .incarnation = "run-1"};
constexpr std::string_view kGatewayJson = R"({"gateway":{"url":"http://10.0.0.7:3002","incarnation":"run-1"})";

std::string with_gateway(std::string_view rest) { return std::string(kGatewayJson).append(rest); }

TEST(DirectoryBody, Renew) {
  EXPECT_EQ(encode_renew(kGateway, milliseconds(10'000)), with_gateway(R"(,"leaseMs":10000})"));
  for (const milliseconds lease : {kLeaseMin, kLeaseMax}) {
    const auto parsed = parse_renew(encode_renew(kGateway, lease));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->gateway, kGateway);
    EXPECT_EQ(parsed->lease, lease);
  }
  for (const milliseconds lease : {kLeaseMin - milliseconds(1), kLeaseMax + milliseconds(1)}) {
    EXPECT_THAT(parse_renew(encode_renew(kGateway, lease)).error().message, HasSubstr("leaseMs"));
  }
  EXPECT_EQ(parse_renew(kGatewayJson).error().code, ErrorCode::bad_json);
  EXPECT_EQ(parse_renew(with_gateway("}")).error().code, ErrorCode::bad_frame);
}

TEST(DirectoryBody, GatewaysAreChecked) {
  for (const chat::GatewayIdentity& gateway : {
           chat::GatewayIdentity{.url = "", .incarnation = "i"},
           {.url = "https://", .incarnation = "i"},
           {.url = "ws://a", .incarnation = "i"},
           {.url = "http://", .incarnation = "i"},
           {.url = "http://a b", .incarnation = "i"},
           {.url = "http://ä", .incarnation = "i"},
           {.url = "http://" + std::string(kGatewayUrlBytesMax, 'a'), .incarnation = "i"},
           {.url = "http://a", .incarnation = ""},
           {.url = "http://a", .incarnation = "a b"},
           {.url = "http://a", .incarnation = std::string(65, 'i')},
       }) {
    const auto parsed = parse_close(encode_close(gateway));
    ASSERT_FALSE(parsed) << gateway.url << ' ' << gateway.incarnation;
    EXPECT_EQ(parsed.error().code, ErrorCode::bad_frame);
    EXPECT_THAT(parsed.error().message, HasSubstr("gateway"));
  }
  EXPECT_EQ(parse_close("{}").error().code, ErrorCode::bad_frame);
  EXPECT_EQ(parse_close(R"({"gateway":"http://a"})").error().code, ErrorCode::bad_frame);
  EXPECT_EQ(parse_close(encode_close(kGateway)), kGateway);
}

TEST(DirectoryBody, Apply) {
  const std::vector<chat::RecordChange> changes = {
      {.user = "alice", .present = true, .fence = 7},
      {.user = "bob", .present = false, .fence = std::numeric_limits<std::uint64_t>::max()}};
  const std::string body = encode_apply(kGateway, changes);
  EXPECT_EQ(body, with_gateway(R"(,"changes":[{"user":"alice","present":true,"fence":7},)"
                               R"({"user":"bob","present":false,"fence":18446744073709551615}]})"));
  const auto parsed = parse_apply(body);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->gateway, kGateway);
  ASSERT_EQ(parsed->changes.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(parsed->changes[i].user, changes[i].user);
    EXPECT_EQ(parsed->changes[i].present, changes[i].present);
    EXPECT_EQ(parsed->changes[i].fence, changes[i].fence);
  }
  for (const char* const change : {"7", "{}", R"({"user":"a b","present":true,"fence":1})", R"({"user":"a","fence":1})",
                                   R"({"user":"a","present":1,"fence":1})", R"({"user":"a","present":true})",
                                   R"({"user":"a","present":true,"fence":-1})"}) {
    const auto bad = parse_apply(with_gateway(std::string(R"(,"changes":[)") + change + "]}"));
    ASSERT_FALSE(bad) << change;
    EXPECT_EQ(bad.error().code, ErrorCode::bad_frame);
    EXPECT_THAT(bad.error().message, HasSubstr("change 0"));
  }
  EXPECT_EQ(parse_apply(encode_apply(kGateway, std::vector<chat::RecordChange>(kDirectoryBatchMax + 1, changes[0])))
                .error()
                .code,
            ErrorCode::too_large);
}

TEST(DirectoryBody, Locate) {
  const std::vector<std::string> users = {"alice", "5", "-_.@+"};
  EXPECT_EQ(encode_locate(users), R"({"users":["alice","5","-_.@+"]})");
  EXPECT_EQ(parse_locate(encode_locate(users)), users);
  EXPECT_EQ(parse_locate(R"({"users":[]})"), std::vector<std::string>{});
  EXPECT_TRUE(parse_locate(encode_locate(std::vector<std::string>(kDirectoryBatchMax, "a"))));
  EXPECT_EQ(parse_locate(encode_locate(std::vector<std::string>(kDirectoryBatchMax + 1, "a"))).error().code,
            ErrorCode::too_large);
  for (const char* const body :
       {"{}", R"({"users":"a"})", R"({"users":[""]})", R"({"users":["#g"]})", R"({"users":[1]})"}) {
    EXPECT_EQ(parse_locate(body).error().code, ErrorCode::bad_frame) << body;
  }
}

TEST(DirectoryBody, OriginalRequests) {
  const auto set = parse_set(R"({"key":7,"value":"http://a:1"})");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->key, "7");
  EXPECT_EQ(set->value, "http://a:1");
  EXPECT_EQ(parse_set(R"({"key":"a"})").error().code, ErrorCode::bad_frame);
  EXPECT_EQ(parse_set(R"({"key":"a","value":""})").error().code, ErrorCode::bad_frame);
  EXPECT_EQ(parse_set(R"({"value":"a"})").error().code, ErrorCode::bad_frame);
  EXPECT_EQ(parse_del(R"({"key":"alice"})"), "alice");
  EXPECT_EQ(parse_del(R"({"key":-3})"), "-3");
  EXPECT_EQ(parse_del(R"({"key":"#g"})").error().code, ErrorCode::bad_frame);
  const std::string url = "http://a:1";
  EXPECT_EQ(encode_value(&url), R"({"status":"success","value":"http://a:1"})");
  EXPECT_EQ(encode_value(nullptr), R"({"status":"success","value":null})");
  EXPECT_EQ(encode_success(), R"({"status":"success"})");
}

TEST(DirectoryBody, Answers) {
  EXPECT_EQ(encode_lease_state({.opening = "5f0c", .deaths = 3, .now = 17}),
            R"({"status":"success","opening":"5f0c","deaths":3,"now":17})");
  const auto parsed = parse_lease_state(encode_lease_state({.opening = "5f0c", .deaths = 3, .now = 17}));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->opening, "5f0c");
  EXPECT_EQ(parsed->deaths, 3);
  EXPECT_EQ(parsed->now, 17);
  const auto of_before = parse_lease_state(R"({"status":"success","opening":"5f0c"})");
  ASSERT_TRUE(of_before);
  EXPECT_EQ(of_before->deaths, 0);
  EXPECT_EQ(of_before->now, 0);
  EXPECT_FALSE(parse_lease_state(R"({"status":"success"})"));
  EXPECT_FALSE(parse_lease_state(R"({"status":"error","opening":"5f0c"})"));

  chat::Locations locations;
  locations.add_user();
  locations.add_gateway("http://a:1");
  locations.add_gateway("http://b:2");
  locations.add_user();
  locations.add_user();
  locations.add_gateway("http://b:2");
  const std::string body = R"({"status":"success","gateways":[["http://a:1","http://b:2"],[],["http://b:2"]]})";
  EXPECT_EQ(encode_locations(locations), body);
  const auto parsed_locations = parse_locations(body);
  ASSERT_TRUE(parsed_locations);
  EXPECT_EQ(encode_locations(*parsed_locations), body);
  for (const char* const wrong : {"{}", R"({"status":"success","gateways":[7]})",
                                  R"({"status":"success","gateways":[[7]]})", R"({"status":"error","gateways":[]})"}) {
    EXPECT_EQ(parse_locations(wrong).error().code, ErrorCode::bad_frame) << wrong;
  }
}

TEST(DirectoryBody, AppliedTellsTheDirectorysTime) {
  EXPECT_EQ(encode_applied(1732400000000000), R"({"status":"success","now":1732400000000000})");
  EXPECT_EQ(parse_applied(R"({"status":"success","now":1732400000000000})"), 1732400000000000);
  EXPECT_EQ(parse_applied(R"({"status":"success"})"), 0) << "of an sv-discover of before";
  EXPECT_FALSE(parse_applied(R"({"status":"error","now":1})"));
  EXPECT_FALSE(parse_applied(R"({"status":"success","now":-1})"));
}

}  // namespace
}  // namespace simplechat::wire

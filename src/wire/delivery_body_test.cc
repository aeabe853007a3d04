#include "wire/delivery_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/sample_text.h"

namespace simplechat::wire {
namespace {

using chat::FrameClass;
using ::testing::HasSubstr;

std::string encoded(const chat::DeliveryBatch& batch) {
  std::string body;
  append_delivery_body(body, batch);
  return body;
}

void expect_round_trip(const chat::DeliveryBatch& batch) {
  chat::DeliveryBatch out;
  const auto parsed = parse_delivery_body(encoded(batch), out);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(out.latest_at(), batch.latest_at());
  ASSERT_EQ(out.size(), batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(out[i], batch[i]) << i;
}

TEST(DeliveryBody, FramesOfOneTextShareAnEntry) {
  chat::DeliveryBatch batch;
  batch.observe(1234);
  batch.add({.user = "alice", .frame = "{1}", .frame_class = FrameClass::message});
  batch.add({.user = "bob", .frame = "{1}", .frame_class = FrameClass::message});
  batch.add({.user = "bob", .frame = "{1}", .frame_class = FrameClass::ephemeral});
  batch.add({.user = "carol", .frame = "{\n2}", .frame_class = FrameClass::ephemeral});
  EXPECT_EQ(encoded(batch), "simplechat-deliver 1 1234\nm alice,bob 3\n{1}\ne bob 3\n{1}\ne carol 4\n{\n2}\n");
  expect_round_trip(batch);
}

TEST(DeliveryBody, RoundTripsNothing) {
  EXPECT_EQ(encoded({}), "simplechat-deliver 1 0\n");
  expect_round_trip({});
}

TEST(DeliveryBody, RoundTripsSamples) {
  chat::DeliveryBatch batch;
  batch.observe(9007199254740991);
  for (const std::string& text : sample_texts()) {
    for (const char* const user : {"a", "b", "c"}) {
      batch.add({.user = user, .frame = text, .frame_class = FrameClass::message});
    }
  }
  batch.add({.user = std::string(64, 'u'), .frame = "\nm x 1\n", .frame_class = FrameClass::ephemeral});
  expect_round_trip(batch);
}

TEST(DeliveryBody, RefusesWhatIsNotOfTheForm) {
  const std::string head = "simplechat-deliver 1 5\n";
  for (const std::string& body : {
           std::string(),
           std::string("{}"),
           std::string("simplechat-deliver 1 5"),
           std::string("simplechat-deliver 2 5\n"),
           std::string("simplechat-deliver 1 \n"),
           std::string("simplechat-deliver 1 -5\n"),
           std::string("simplechat-deliver 1 05\n"),
           std::string("simplechat-deliver 1 +5\n"),
           std::string("simplechat-deliver 1 9007199254740992\n"),
           std::string("simplechat-deliver 1 99999999999999999999\n"),
           std::string("simplechat-deliver 1 5 \n"),
           head + "\n",
           head + "m",
           head + "m ",
           head + "x a 1\nf\n",
           head + "ma 1\nf\n",
           head + "m  1\nf\n",
           head + "m a,, 1\nf\n",
           head + "m ,a 1\nf\n",
           head + "m a, 1\nf\n",
           head + "m #g 1\nf\n",
           head + "m a b 1\nf\n",
           head + "m " + std::string(65, 'u') + " 1\nf\n",
           head + "m a\n1\nf\n",
           head + "m a \nf\n",
           head + "m a x\nf\n",
           head + "m a -1\nf\n",
           head + "m a 01\nf\n",
           head + "m a 1 \nf\n",
           head + "m a 0\n\n",
           head + "m a 1",
           head + "m a 1\n",
           head + "m a 1\nf",
           head + "m a 2\nf\n",
           head + "m a 3\nf\n",
           head + "m a 1\nff\n",
           head + "m a 4294967295\nf\n",
           head + "m a 4294967296\nf\n",
           head + "m a 18446744073709551615\nf\n",
           head + "m a 18446744073709551616\nf\n",
           head + "m a 1\nf\nx",
           head + "m a 1\n\xff\n",
           head + "m a 1\n\xc3\n",
           head + "m a 1\r\nf\n",
       }) {
    chat::DeliveryBatch out;
    const auto parsed = parse_delivery_body(body, out);
    ASSERT_FALSE(parsed) << body;
    EXPECT_EQ(parsed.error().code, chat::ErrorCode::bad_frame);
  }
  chat::DeliveryBatch out;
  EXPECT_THAT(parse_delivery_body(head + "m a 1\nf\nm é 1\nf\n", out).error().message, HasSubstr("entry 1"));
}

TEST(DeliveryAnswer, RoundTrips) {
  for (const std::vector<std::size_t>& absent : {std::vector<std::size_t>{}, {0}, {3, 1, 100000}}) {
    std::string body;
    append_delivery_answer(body, absent);
    EXPECT_EQ(parse_delivery_answer(body), absent);
  }
  std::string body;
  append_delivery_answer(body, {0, 7});
  EXPECT_EQ(body, R"({"status":"success","absent":[0,7]})");
}

TEST(DeliveryAnswer, RefusesWhatIsNotOfTheForm) {
  for (const char* const body : {"", "[]", "{}", R"({"absent":[]})", R"({"status":"error","absent":[]})",
                                 R"({"status":"success"})", R"({"status":"success","absent":7})",
                                 R"({"status":"success","absent":[-1]})", R"({"status":"success","absent":["1"]})"}) {
    EXPECT_FALSE(parse_delivery_answer(body)) << body;
  }
}

}  // namespace
}  // namespace simplechat::wire

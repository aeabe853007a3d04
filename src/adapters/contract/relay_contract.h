// The contract of chat::Relay as a test suite. Each adapter's test instantiates it, in one source file of its program:
//
//   namespace simplechat::adapters::contract {
//   INSTANTIATE_TEST_SUITE_P(Memory, RelayContract, ::testing::Values(RelayFactory(make_harness)));
//   }
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "chat/relay.h"

namespace simplechat::adapters::contract {

// A gateway that deliveries are handed to: it knows its users and remembers what it got.
struct ReceivingGateway {
  struct Delivery {
    std::string user;
    std::string frame;
    chat::FrameClass frame_class;
    bool operator==(const Delivery&) const = default;
  };

  std::set<std::string> users{};
  std::vector<Delivery> received{};
  chat::Timestamp latest_at = 0;

  // What a gateway does with a batch: returns the indexes of the deliveries whose user it does not hold.
  std::vector<std::size_t> take(const chat::DeliveryBatch& batch) {
    std::vector<std::size_t> absent;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const chat::DeliveryView delivery = batch[i];
      if (users.contains(std::string(delivery.user))) {
        received.push_back({std::string(delivery.user), std::string(delivery.frame), delivery.frame_class});
      } else {
        absent.push_back(i);
      }
    }
    latest_at = std::max(latest_at, batch.latest_at());
    return absent;
  }
};

class RelayHarness {
 public:
  virtual ~RelayHarness() = default;
  virtual chat::Relay& relay() = 0;
  // What the calls run on.
  virtual boost::asio::io_context& io() = 0;
  // Starts a gateway that gives its batches to `gateway`, which outlives the harness's use, and returns its url.
  virtual std::string start(ReceivingGateway& gateway) = 0;
  // Nobody is there any more.
  virtual void stop(const std::string& url) = 0;
};

using RelayFactory = std::function<std::unique_ptr<RelayHarness>()>;

class RelayContract : public ::testing::TestWithParam<RelayFactory> {
 protected:
  using Absent = std::vector<std::size_t>;
  using Delivery = ReceivingGateway::Delivery;

  RelayContract() : harness_(GetParam()()) {}

  chat::Result<Absent> try_deliver(const std::string& url, const chat::DeliveryBatch& batch) {
    return run_to_end(harness_->io(), harness_->relay().deliver(url, batch));
  }
  Absent deliver(const std::string& url, const chat::DeliveryBatch& batch) {
    chat::Result<Absent> absent = try_deliver(url, batch);
    if (!absent) throw std::runtime_error(absent.error().message);
    return *std::move(absent);
  }

  static constexpr chat::FrameClass kMessage = chat::FrameClass::message;
  static constexpr chat::FrameClass kEphemeral = chat::FrameClass::ephemeral;

  ReceivingGateway alices_{.users = {"alice", "bob"}};
  ReceivingGateway carols_{.users = {"carol"}};
  std::unique_ptr<RelayHarness> harness_;
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(RelayContract, DeliveriesArriveInOrderAsTheyAre) {
  const std::string url = harness_->start(alices_);
  chat::DeliveryBatch batch;
  batch.add({.user = "alice", .frame = R"({"type":"normal","payload":"grüße\n"})"});
  batch.add({.user = "bob", .frame = R"({"type":"normal","payload":"grüße\n"})"});
  batch.add({.user = "bob", .frame = R"({"type":"typing"})", .frame_class = kEphemeral});
  batch.add({.user = "alice", .frame = R"({"type":"normal","payload":"2"})"});
  batch.observe(1'700'000'000'000'000);
  EXPECT_THAT(deliver(url, batch), IsEmpty());
  EXPECT_THAT(alices_.received, ElementsAre(Delivery{"alice", R"({"type":"normal","payload":"grüße\n"})", kMessage},
                                            Delivery{"bob", R"({"type":"normal","payload":"grüße\n"})", kMessage},
                                            Delivery{"bob", R"({"type":"typing"})", kEphemeral},
                                            Delivery{"alice", R"({"type":"normal","payload":"2"})", kMessage}));
  EXPECT_EQ(alices_.latest_at, 1'700'000'000'000'000);
}

TEST_P(RelayContract, BatchesArriveOneAfterTheOther) {
  const std::string url = harness_->start(alices_);
  for (int i = 0; i < 50; ++i) {
    const std::string frame = "{\"n\":" + std::to_string(i) + "}";
    chat::DeliveryBatch batch;
    batch.add({.user = "alice", .frame = frame});
    deliver(url, batch);
  }
  ASSERT_EQ(alices_.received.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(alices_.received[i].frame, "{\"n\":" + std::to_string(i) + "}");
}

TEST_P(RelayContract, TellsWhomTheGatewayDoesNotHold) {
  const std::string url = harness_->start(alices_);
  chat::DeliveryBatch batch;
  for (const char* user : {"nobody", "alice", "carol", "bob", "nobody"}) batch.add({.user = user, .frame = "{}"});
  EXPECT_THAT(deliver(url, batch), ElementsAre(0, 2, 4));
  EXPECT_THAT(alices_.received, ElementsAre(Delivery{"alice", "{}", kMessage}, Delivery{"bob", "{}", kMessage}));
}

TEST_P(RelayContract, GatewaysGetTheirOwnDeliveries) {
  const std::string alices = harness_->start(alices_);
  const std::string carols = harness_->start(carols_);
  chat::DeliveryBatch batch;
  batch.add({.user = "carol", .frame = "{}"});
  EXPECT_THAT(deliver(carols, batch), IsEmpty());
  EXPECT_THAT(deliver(alices, batch), ElementsAre(0));
  EXPECT_THAT(alices_.received, IsEmpty());
  EXPECT_THAT(carols_.received, ElementsAre(Delivery{"carol", "{}", kMessage}));
}

TEST_P(RelayContract, AnUnreachableGatewayIsUnavailableAndNoOtherSuffers) {
  const std::string alices = harness_->start(alices_);
  const std::string carols = harness_->start(carols_);
  harness_->stop(carols);
  chat::DeliveryBatch batch;
  batch.add({.user = "alice", .frame = "{}"});
  const chat::Result<Absent> lost = try_deliver(carols, batch);
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, chat::ErrorCode::unavailable);
  EXPECT_NE(lost.error().message, "");
  EXPECT_THAT(deliver(alices, batch), IsEmpty());
  EXPECT_THAT(carols_.received, IsEmpty());
}

// More than one HTTP body between services may hold, in frames of all sizes, with absent users among them.
TEST_P(RelayContract, ALargeBatchArrivesWhole) {
  const std::string url = harness_->start(alices_);
  chat::DeliveryBatch batch;
  std::vector<Delivery> expected;
  Absent expected_absent;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string frame = "{\"payload\":\"" + std::string(i * 7 % 9000, 'x') + std::to_string(i) + "\"}";
    const std::string user = i % 100 == 7 ? "nobody" : i % 2 == 0 ? "alice" : "bob";
    batch.add({.user = user, .frame = frame});
    if (user == "nobody") {
      expected_absent.push_back(i);
    } else {
      expected.push_back({user, frame, kMessage});
    }
  }
  batch.observe(77);
  EXPECT_EQ(deliver(url, batch), expected_absent);
  EXPECT_TRUE(alices_.received == expected);
  EXPECT_EQ(alices_.latest_at, 77);
}

TEST_P(RelayContract, AFrameForManyUsersReachesThemAll) {
  const std::string url = harness_->start(alices_);
  chat::DeliveryBatch batch;
  const std::string frame(1000, 'f');
  for (int i = 0; i < 5000; ++i) batch.add({.user = i % 2 == 0 ? "alice" : "bob", .frame = frame});
  EXPECT_THAT(deliver(url, batch), IsEmpty());
  ASSERT_EQ(alices_.received.size(), 5000U);
  EXPECT_EQ(alices_.received.back(), (Delivery{"bob", frame, kMessage}));
}

}  // namespace simplechat::adapters::contract

#include "sv_websocket/address_table.h"

#include <gtest/gtest.h>

#include "sv_websocket/limits.h"

namespace simplechat::sv_websocket {
namespace {

constexpr AddressKey kHome = 0x0100007f;
constexpr AddressKey kOther = 0x0200007f;
constexpr int kRoundsToSweepAll = 64;

using Entry = AddressTable::Entry;

AddressTable::Limits limits(std::uint32_t connections_max, std::uint32_t handshakes_per_second) {
  return {.connections_max = connections_max, .handshakes = RateLimit::of(handshakes_per_second)};
}

TEST(AddressTable, CountsEachAddressByItself) {
  AddressTable table(limits(2, 0));
  EXPECT_TRUE(table.enter(kHome));
  EXPECT_EQ(table.enter(kHome, 0), Entry::taken);
  EXPECT_FALSE(table.enter(kHome));
  EXPECT_EQ(table.enter(kHome, 0), Entry::too_many);
  EXPECT_EQ(table.enter(kOther, 0), Entry::taken);
  table.leave(kHome);
  EXPECT_TRUE(table.enter(kHome));
  EXPECT_EQ(table.addresses(), 2);
}

TEST(AddressTable, ForgetsWhoIsGone) {
  AddressTable table(limits(2, 0));
  EXPECT_TRUE(table.enter(kHome));
  table.leave(kHome);
  EXPECT_EQ(table.addresses(), 0);
}

TEST(AddressTable, RemembersHowFastAnAddressCameThoughItHasGone) {
  AddressTable table(limits(0, 1));
  for (std::uint32_t i = 0; i < RateLimit::kBurstSeconds; ++i) {
    EXPECT_EQ(table.enter(kHome, 0), Entry::taken);
    table.leave(kHome);
  }
  EXPECT_EQ(table.enter(kHome, 0), Entry::too_fast);
  EXPECT_EQ(table.enter(kOther, 0), Entry::taken);
  EXPECT_EQ(table.enter(kHome, 1000), Entry::taken);
  table.leave(kHome);
  table.leave(kOther);
  for (int i = 0; i < kRoundsToSweepAll; ++i) table.sweep(2000);
  EXPECT_EQ(table.addresses(), 1) << "the one whose bucket is not empty yet";
  for (int i = 0; i < kRoundsToSweepAll; ++i) table.sweep(10'000);
  EXPECT_EQ(table.addresses(), 0);
}

TEST(AddressTable, KeepsWhoIsStillThere) {
  AddressTable table(limits(0, 1));
  EXPECT_EQ(table.enter(kHome, 0), Entry::taken);
  for (int i = 0; i < kRoundsToSweepAll; ++i) table.sweep(10'000);
  EXPECT_EQ(table.addresses(), 1);
}

TEST(AddressTable, NobodyIsNotCounted) {
  AddressTable table(limits(1, 1));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(table.enter(0, 0), Entry::taken);
  EXPECT_EQ(table.addresses(), 0);
}

TEST(RateTable, CountsEachByItselfAndForgetsThem) {
  RateTable table(RateLimit::of(1));
  for (std::uint32_t i = 0; i < RateLimit::kBurstSeconds; ++i) EXPECT_EQ(table.take("alice", kFrameUnits, 0), 0);
  EXPECT_EQ(table.take("alice", kFrameUnits, 0), 1000);
  EXPECT_EQ(table.take("bob", kFrameUnits, 0), 0);
  EXPECT_EQ(table.size(), 2);
  for (int i = 0; i < kRoundsToSweepAll; ++i) table.sweep(10'000);
  EXPECT_EQ(table.size(), 0);
}

}  // namespace
}  // namespace simplechat::sv_websocket

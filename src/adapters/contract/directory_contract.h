// The contract of chat::Directory as a test suite. Each adapter's test instantiates it, in one source file of its
// program:
//
//   namespace simplechat::adapters::contract {
//   INSTANTIATE_TEST_SUITE_P(Memory, DirectoryContract, ::testing::Values(DirectoryFactory(make_harness)));
//   }
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "adapters/contract/urls_of.h"
#include "chat/clock.h"
#include "chat/directory.h"

namespace simplechat::adapters::contract {

// One empty directory under test.
class DirectoryHarness {
 public:
  virtual ~DirectoryHarness() = default;
  virtual chat::Directory& directory() = 0;
  // What the calls run on.
  virtual boost::asio::io_context& io() = 0;
  // Lets that much of the time pass by which the directory measures leases.
  virtual void let_pass(std::chrono::milliseconds time) = 0;
};

using DirectoryFactory = std::function<std::unique_ptr<DirectoryHarness>()>;

class DirectoryContract : public ::testing::TestWithParam<DirectoryFactory> {
 protected:
  using Urls = std::vector<std::string>;
  static constexpr std::chrono::milliseconds kLongLease{600'000};
  static constexpr std::chrono::milliseconds kShortLease{150};

  DirectoryContract() : harness_(GetParam()()) {}

  template <class T>
  T value(chat::Task<chat::Result<T>> call) {
    chat::Result<T> result = run_to_end(harness_->io(), std::move(call));
    if (!result) throw std::runtime_error(std::string(to_string(result.error().code)) + ": " + result.error().message);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }

  chat::Directory& directory() { return harness_->directory(); }

  // Whether the directory has kept the records since the renewal before.
  bool renew(const chat::GatewayIdentity& gateway, std::chrono::milliseconds lease = kLongLease) {
    const std::string opening = value(directory().renew(gateway, lease)).opening;
    return std::exchange(openings_[gateway.url + " " + gateway.incarnation], opening) == opening;
  }
  // Renews for good.
  std::int64_t deaths(const chat::GatewayIdentity& gateway) {
    return value(directory().renew(gateway, kLongLease)).deaths;
  }
  void apply(const chat::GatewayIdentity& gateway, const std::vector<chat::RecordChange>& changes) {
    static_cast<void>(value(directory().apply(gateway, changes)));
  }
  void add(const chat::GatewayIdentity& gateway, const std::string& user, std::uint64_t fence) {
    apply(gateway, {{.user = user, .present = true, .fence = fence}});
  }
  void release(const chat::GatewayIdentity& gateway, const std::string& user, std::uint64_t fence) {
    apply(gateway, {{.user = user, .present = false, .fence = fence}});
  }
  void close(const chat::GatewayIdentity& gateway) { value(directory().close(gateway)); }
  std::vector<Urls> locate_all(const std::vector<std::string>& users) {
    return urls_of(value(directory().locate(users)));
  }
  Urls locate(const std::string& user) {
    const std::vector<Urls> answer = locate_all({user});
    if (answer.size() != 1)
      throw std::runtime_error("one user asked for, " + std::to_string(answer.size()) + " answers");
    return answer.front();
  }

  // Lets time pass until the user is found nowhere.
  void wait_until_gone(const std::string& user) {
    constexpr std::chrono::milliseconds kStep{20};
    for (std::chrono::milliseconds passed{0}; passed < kTestDeadline; passed += kStep) {
      if (locate(user).empty()) return;
      harness_->let_pass(kStep);
    }
    throw std::runtime_error(user + " is still found");
  }

  const chat::GatewayIdentity one_{.url = "http://10.0.0.1:3002", .incarnation = "one-1"};
  const chat::GatewayIdentity one_restarted_{.url = "http://10.0.0.1:3002", .incarnation = "one-2"};
  const chat::GatewayIdentity two_{.url = "http://10.0.0.2:3002", .incarnation = "two-1"};
  std::unique_ptr<DirectoryHarness> harness_;
  std::map<std::string, std::string> openings_;  // as last heard, by url and incarnation
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// --- locate ---

TEST_P(DirectoryContract, AnEmptyDirectoryHoldsNobody) {
  EXPECT_THAT(locate("alice"), IsEmpty());
  EXPECT_THAT(locate_all({}), IsEmpty());
}

TEST_P(DirectoryContract, AUserIsFoundAtEveryGatewayThatHoldsIt) {
  renew(one_);
  renew(two_);
  add(one_, "alice", 1);
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
  add(two_, "alice", 1);
  EXPECT_THAT(locate("alice"), UnorderedElementsAre(one_.url, two_.url));
  release(one_, "alice", 2);
  EXPECT_THAT(locate("alice"), ElementsAre(two_.url));
  release(two_, "alice", 2);
  EXPECT_THAT(locate("alice"), IsEmpty());
}

TEST_P(DirectoryContract, AnswersStandInTheOrderOfTheQuestion) {
  renew(one_);
  renew(two_);
  add(one_, "alice", 1);
  add(two_, "Bob.2_x-y@z+w", 1);
  EXPECT_THAT(locate_all({"nobody", "Bob.2_x-y@z+w", "alice", "al", "alice"}),
              ElementsAre(IsEmpty(), ElementsAre(two_.url), ElementsAre(one_.url), IsEmpty(), ElementsAre(one_.url)));
}

TEST_P(DirectoryContract, ManyUsersGoIntoOneCall) {
  constexpr std::size_t kUsers = 12'000;
  std::vector<chat::RecordChange> changes;
  std::vector<std::string> users;
  for (std::size_t i = 0; i < kUsers; ++i) {
    users.push_back("user-" + std::to_string(i));
    changes.push_back({.user = users.back(), .present = true, .fence = i + 1});
  }
  renew(one_);
  apply(one_, changes);
  release(one_, users[kUsers - 1], kUsers + 1);
  const std::vector<Urls> found = locate_all(users);
  ASSERT_EQ(found.size(), kUsers);
  for (std::size_t i = 0; i + 1 < kUsers; ++i) ASSERT_THAT(found[i], ElementsAre(one_.url)) << i;
  EXPECT_THAT(found[kUsers - 1], IsEmpty());
}

TEST_P(DirectoryContract, CallsMayOverlap) {
  constexpr int kCalls = 200;
  renew(one_);
  int right = 0;
  int ended = 0;
  const auto register_and_look = [&](std::string user) -> chat::Task<void> {
    const std::vector<std::string> users{user};
    const std::vector<chat::RecordChange> changes{{.user = user, .present = true, .fence = 1}};
    const auto applied = co_await directory().apply(one_, changes);
    const auto found = co_await directory().locate(users);
    if (applied && found && urls_of(*found) == std::vector<Urls>{{one_.url}}) ++right;
    ++ended;
  };
  for (int i = 0; i < kCalls; ++i) {
    boost::asio::co_spawn(harness_->io(), register_and_look("user-" + std::to_string(i)), boost::asio::detached);
  }
  run_until(harness_->io(), [&] { return ended == kCalls; });
  EXPECT_EQ(right, kCalls);
}

// --- fences ---

TEST_P(DirectoryContract, ALateReleaseDoesNotEraseANewerRecord) {
  renew(one_);
  add(one_, "alice", 1);
  add(one_, "alice", 3);
  release(one_, "alice", 2);
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
}

TEST_P(DirectoryContract, ALateRecordDoesNotBringBackAReleasedUser) {
  renew(one_);
  add(one_, "alice", 1);
  release(one_, "alice", 3);
  add(one_, "alice", 2);
  EXPECT_THAT(locate("alice"), IsEmpty());
  release(one_, "bob", 2);  // of whom the directory never heard before
  add(one_, "bob", 1);
  EXPECT_THAT(locate("bob"), IsEmpty());
  add(one_, "alice", 4);
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
}

TEST_P(DirectoryContract, ARepeatedChangeChangesNothing) {
  renew(one_);
  const std::vector<chat::RecordChange> joined{{.user = "alice", .present = true, .fence = 1}};
  const std::vector<chat::RecordChange> left{{.user = "alice", .present = false, .fence = 2}};
  apply(one_, joined);
  apply(one_, joined);
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
  apply(one_, left);
  apply(one_, joined);
  apply(one_, left);
  EXPECT_THAT(locate("alice"), IsEmpty());
}

TEST_P(DirectoryContract, ChangesOfOneCallApplyInOrder) {
  renew(one_);
  apply(one_, {{.user = "alice", .present = true, .fence = 1},
               {.user = "bob", .present = true, .fence = 2},
               {.user = "alice", .present = false, .fence = 3},
               {.user = "bob", .present = false, .fence = 4},
               {.user = "bob", .present = true, .fence = 5}});
  EXPECT_THAT(locate_all({"alice", "bob"}), ElementsAre(IsEmpty(), ElementsAre(one_.url)));
}

TEST_P(DirectoryContract, GatewaysDrawTheirFencesApart) {
  renew(one_);
  renew(two_);
  add(one_, "alice", 1'000'000);
  add(two_, "alice", 1);
  release(one_, "alice", 1'000'001);
  EXPECT_THAT(locate("alice"), ElementsAre(two_.url));
}

TEST_P(DirectoryContract, FencesAreComparedAsNumbersOf64Bits) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kBeyondDoubles = std::uint64_t{1} << 53U;
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs{
      {0, 1}, {9, 10}, {99, 100}, {kBeyondDoubles, kBeyondDoubles + 1}, {kMax - 1, kMax}};
  renew(one_);
  for (const auto& [older, newer] : pairs) {
    const std::string user = "user-" + std::to_string(newer);
    add(one_, user, newer);
    release(one_, user, older);
    EXPECT_THAT(locate(user), ElementsAre(one_.url)) << newer;
    const std::string other = "other-" + std::to_string(newer);
    add(one_, other, older);
    release(one_, other, newer);
    EXPECT_THAT(locate(other), IsEmpty()) << newer;
  }
}

// --- leases ---

TEST_P(DirectoryContract, RecordsCountOnceTheLeaseIsOpen) {
  add(one_, "alice", 1);
  EXPECT_THAT(locate("alice"), IsEmpty());
  EXPECT_FALSE(renew(one_));
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
}

TEST_P(DirectoryContract, OnlyARenewalInTimeKeepsTheRecords) {
  EXPECT_FALSE(renew(one_));
  EXPECT_TRUE(renew(one_));
  EXPECT_FALSE(renew(two_));
  EXPECT_TRUE(renew(one_));
}

TEST_P(DirectoryContract, ARecordEndsWithItsLease) {
  renew(one_, kShortLease);
  add(one_, "alice", 1);
  wait_until_gone("alice");
  EXPECT_FALSE(renew(one_));
  add(one_, "alice", 2);
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
  EXPECT_TRUE(renew(one_));
}

TEST_P(DirectoryContract, AReleaseDuringAnExpiredLeaseHolds) {
  renew(one_, kShortLease);
  add(one_, "alice", 1);
  wait_until_gone("alice");
  release(one_, "alice", 2);
  renew(one_);
  EXPECT_THAT(locate("alice"), IsEmpty());
}

TEST_P(DirectoryContract, ARenewalExtendsTheLease) {
  renew(one_, kShortLease);
  add(one_, "alice", 1);
  renew(one_, kLongLease);
  renew(two_, kShortLease);  // ends later than the first lease of the other would have
  add(two_, "bob", 1);
  wait_until_gone("bob");
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
  EXPECT_TRUE(renew(one_));
}

// --- incarnations ---

TEST_P(DirectoryContract, ARestartedGatewayDoesNotHoldTheUsersOfItsFormerRun) {
  renew(one_);
  apply(one_, {{.user = "alice", .present = true, .fence = 100}, {.user = "bob", .present = true, .fence = 101}});
  EXPECT_FALSE(renew(one_restarted_));
  EXPECT_THAT(locate_all({"alice", "bob"}), ElementsAre(IsEmpty(), IsEmpty()));
  add(one_restarted_, "alice", 1);  // fences begin anew
  EXPECT_THAT(locate_all({"alice", "bob"}), ElementsAre(ElementsAre(one_.url), IsEmpty()));
  EXPECT_TRUE(renew(one_restarted_));
}

TEST_P(DirectoryContract, LateChangesOfAFormerRunHaveNoEffect) {
  renew(one_);
  add(one_, "alice", 100);
  renew(one_restarted_);
  add(one_restarted_, "alice", 1);
  release(one_, "alice", 101);
  add(one_, "bob", 102);
  EXPECT_THAT(locate_all({"alice", "bob"}), ElementsAre(ElementsAre(one_.url), IsEmpty()));
}

TEST_P(DirectoryContract, RecordsOfANewRunMayBeWrittenBeforeItsLease) {
  renew(one_);
  add(one_, "alice", 100);
  add(one_restarted_, "bob", 1);
  EXPECT_THAT(locate_all({"alice", "bob"}), ElementsAre(ElementsAre(one_.url), IsEmpty()));
  renew(one_restarted_);
  EXPECT_THAT(locate_all({"alice", "bob"}), ElementsAre(IsEmpty(), ElementsAre(one_.url)));
}

TEST_P(DirectoryContract, ALateRenewalOfAFormerRunDoesNoLastingHarm) {
  renew(one_);
  add(one_, "alice", 100);
  renew(one_restarted_);
  add(one_restarted_, "bob", 1);
  renew(one_);  // sent before the restart
  if (!renew(one_restarted_)) add(one_restarted_, "bob", 2);
  EXPECT_THAT(locate_all({"alice", "bob"}), ElementsAre(IsEmpty(), ElementsAre(one_.url)));
  EXPECT_TRUE(renew(one_restarted_));
}

// --- deaths ---

TEST_P(DirectoryContract, ALeaseThatRunsOutIsADeathOnce) {
  const std::int64_t before = deaths(two_);
  renew(one_, kShortLease);
  add(one_, "alice", 1);
  EXPECT_EQ(deaths(two_), before);
  wait_until_gone("alice");
  const std::int64_t after = deaths(two_);
  EXPECT_NE(after, before);
  EXPECT_EQ(deaths(two_), after);
  renew(one_);
  EXPECT_EQ(deaths(two_), after) << "it has come back";
}

TEST_P(DirectoryContract, AClosedLeaseIsNoDeath) {
  const std::int64_t before = deaths(two_);
  renew(one_, kShortLease);
  close(one_);
  renew(one_restarted_, kShortLease);
  close(one_restarted_);
  harness_->let_pass(2 * kShortLease);
  EXPECT_EQ(deaths(two_), before);
}

TEST_P(DirectoryContract, ALeaseThatANewRunReplacesIsADeath) {
  const std::int64_t before = deaths(two_);
  renew(one_);
  EXPECT_EQ(deaths(two_), before);
  renew(one_restarted_);
  const std::int64_t after = deaths(two_);
  EXPECT_NE(after, before);
  renew(one_restarted_);
  EXPECT_EQ(deaths(two_), after);
}

TEST_P(DirectoryContract, ALeaseThatANewRunReplacesAfterItsEndIsADeathOnce) {
  const std::int64_t before = deaths(two_);
  renew(one_, kShortLease);
  add(one_, "alice", 1);
  wait_until_gone("alice");
  const std::int64_t told = deaths(one_restarted_);  // before anybody else has renewed
  const std::int64_t after = deaths(two_);
  EXPECT_NE(after, before);
  EXPECT_EQ(after, told);
}

TEST_P(DirectoryContract, ALeaseRenewedInTimeIsNoDeath) {
  const std::int64_t before = deaths(two_);
  renew(one_, kShortLease);
  renew(one_, kLongLease);
  harness_->let_pass(2 * kShortLease);
  EXPECT_EQ(deaths(two_), before);
}

// --- the clock ---

TEST_P(DirectoryContract, TellsItsTimeWithEveryRenewalAndEveryChange) {
  constexpr chat::Timestamp kMinute = 60'000'000;
  const std::vector<chat::RecordChange> changes{{.user = "alice", .present = true, .fence = 1}};
  const chat::Timestamp before = chat::system_wall_clock();
  const chat::Timestamp renewed = value(directory().renew(one_, kLongLease)).now;
  const chat::Timestamp applied = value(directory().apply(one_, changes));
  const chat::Timestamp renewed_again = value(directory().renew(two_, kLongLease)).now;
  EXPECT_GE(renewed, before) << "in microseconds since the epoch, by this machine's clock in the tests";
  EXPECT_LE(renewed, applied);
  EXPECT_LE(applied, renewed_again);
  EXPECT_LT(renewed_again, before + kMinute);
}

// --- close ---

TEST_P(DirectoryContract, AClosedGatewayHoldsNobody) {
  renew(one_);
  renew(two_);
  add(one_, "alice", 1);
  add(two_, "alice", 1);
  close(one_);
  EXPECT_THAT(locate("alice"), ElementsAre(two_.url));
  close(one_);  // again
  EXPECT_FALSE(renew(one_));
  add(one_, "alice", 2);
  EXPECT_THAT(locate("alice"), UnorderedElementsAre(one_.url, two_.url));
}

TEST_P(DirectoryContract, ALateCloseOfAFormerRunHasNoEffect) {
  renew(one_);
  renew(one_restarted_);
  add(one_restarted_, "alice", 1);
  close(one_);
  EXPECT_THAT(locate("alice"), ElementsAre(one_.url));
  EXPECT_TRUE(renew(one_restarted_));
}

TEST_P(DirectoryContract, ClosingAnUnknownGatewayIsNoError) {
  close(one_);
  EXPECT_FALSE(renew(one_));
}

}  // namespace simplechat::adapters::contract

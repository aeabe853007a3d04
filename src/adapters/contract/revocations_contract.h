// The contract of chat::Revocations as a test suite. Each adapter's test instantiates it, in one source file of its
// program:
//
//   namespace simplechat::adapters::contract {
//   INSTANTIATE_TEST_SUITE_P(Memory, RevocationsContract, ::testing::Values(RevocationsFactory(make_harness)));
//   }
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "chat/revocations.h"

namespace simplechat::adapters::contract {

// An empty store under test.
class RevocationsHarness {
 public:
  virtual ~RevocationsHarness() = default;
  virtual chat::Revocations& revocations() = 0;
  // What the calls run on.
  virtual boost::asio::io_context& io() = 0;
};

using RevocationsFactory = std::function<std::unique_ptr<RevocationsHarness>()>;

class RevocationsContract : public ::testing::TestWithParam<RevocationsFactory> {
 protected:
  using Revocation = chat::Revocation;
  using Found = std::map<std::string, Revocation>;  // by kind and subject

  RevocationsContract() : harness_(GetParam()()) {}

  static std::int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  static Revocation of_user(std::string user, std::int64_t issued_until_s, std::int64_t keep_s = 3600) {
    return {.what = chat::Revoked::user,
            .subject = std::move(user),
            .issued_until_s = issued_until_s,
            .kept_until_s = now_s() + keep_s};
  }
  static Revocation of_token(std::string id, std::int64_t keep_s = 3600) {
    return {.what = chat::Revoked::token, .subject = std::move(id), .kept_until_s = now_s() + keep_s};
  }

  template <class T>
  T value(chat::Task<chat::Result<T>> call) {
    chat::Result<T> result = run_to_end(harness_->io(), std::move(call));
    if (!result) throw std::runtime_error(std::string(to_string(result.error().code)) + ": " + result.error().message);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }
  void revoke(const std::vector<Revocation>& revocations) { value(harness_->revocations().revoke(revocations)); }
  chat::RevocationChanges ask(const std::string& version) {
    return value(harness_->revocations().changes_since(version));
  }
  // Everything since `version`, which it moves on.
  Found read(std::string& version) {
    Found found;
    for (bool more = true; more;) {
      chat::RevocationChanges changes = ask(version);
      for (const Revocation& each : changes.revocations) {
        found[(each.what == chat::Revoked::user ? "user " : "token ") + each.subject] = each;
      }
      version = changes.version;
      more = changes.more;
    }
    return found;
  }

  std::unique_ptr<RevocationsHarness> harness_;
};

TEST_P(RevocationsContract, TellsEachChangeOnce) {
  std::string version;
  EXPECT_TRUE(read(version).empty());
  EXPECT_FALSE(version.empty());
  const Revocation alice = of_user("alice", 17);
  const Revocation token = of_token("alice");  // a subject of each kind is one of its own
  revoke({alice});
  revoke({token});
  EXPECT_EQ(read(version), (Found{{"user alice", alice}, {"token alice", token}}));
  EXPECT_TRUE(read(version).empty());
  const Revocation bob = of_user("bob", 18);
  revoke({bob});
  EXPECT_EQ(read(version), (Found{{"user bob", bob}}));
  std::string anew;
  EXPECT_EQ(read(anew).size(), 3);
}

TEST_P(RevocationsContract, AnIdleAskIsAnsweredWithTheSameVersion) {
  revoke({of_user("alice", 17)});
  std::string version;
  read(version);
  const auto idle = ask(version);
  EXPECT_EQ(idle.version, version);
  EXPECT_FALSE(idle.all);
  EXPECT_FALSE(idle.more);
}

TEST_P(RevocationsContract, OfASubjectTheLaterTimesCount) {
  const Revocation first = of_user("alice", 20, 3600);
  revoke({first});
  std::string version;
  read(version);
  revoke({first});
  revoke({of_user("alice", 10, 1800)});
  EXPECT_TRUE(read(version).empty()) << "nothing has changed";
  const Revocation later = of_user("alice", 30, 1800);
  revoke({later});
  Revocation both = later;
  both.kept_until_s = first.kept_until_s;
  EXPECT_EQ(read(version), (Found{{"user alice", both}}));
}

TEST_P(RevocationsContract, ForgetsWhatHasRunOut) {
  revoke({of_user("alice", 10, -1), of_token("t", 0)});
  std::string version;
  EXPECT_TRUE(read(version).empty());
  revoke({of_user("bob", 10, 1)});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (std::string from_the_beginning; !read(from_the_beginning).empty(); from_the_beginning.clear()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    revoke({of_user("carol", 10, -1)});  // any change may be what clears up
  }
}

TEST_P(RevocationsContract, AnUnknownVersionIsAnsweredWithAll) {
  const Revocation alice = of_user("alice", 17);
  revoke({alice});
  for (const std::string& version : {std::string(), std::string("another-1"), std::string("nonsense")}) {
    const auto changes = ask(version);
    EXPECT_TRUE(changes.all) << version;
    EXPECT_EQ(changes.revocations, std::vector<Revocation>{alice});
  }
}

TEST_P(RevocationsContract, GivesManyPageByPage) {
  std::vector<Revocation> many;
  Found expected;
  for (std::size_t i = 0; i < chat::kRevocationsPerCallMax; ++i) {
    many.push_back(of_user("user-" + std::to_string(i), static_cast<std::int64_t>(i)));
    expected["user " + many.back().subject] = many.back();
  }
  revoke(many);
  const Revocation odd = of_token("odd \"id\"\\ \xc3\xa9 1");
  revoke({odd});
  expected["token " + odd.subject] = odd;
  std::string version;
  EXPECT_TRUE(ask(version).more);
  EXPECT_EQ(read(version), expected);
  EXPECT_TRUE(read(version).empty());
}

TEST_P(RevocationsContract, RefusesTooManyInOneCall) {
  const std::vector<Revocation> many(chat::kRevocationsPerCallMax + 1, of_user("alice", 17));
  const auto refused = run_to_end(harness_->io(), harness_->revocations().revoke(many));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, chat::ErrorCode::too_large);
}

}  // namespace simplechat::adapters::contract

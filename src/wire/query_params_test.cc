#include "wire/query_params.h"

#include <gtest/gtest.h>

#include <map>

namespace simplechat::wire {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

QueryParameters parameters(Values values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

template <class T>
void expect_refused(const chat::Result<T>& result, const std::string& name) {
  ASSERT_FALSE(result.has_value()) << name;
  EXPECT_EQ(result.error().code, chat::ErrorCode::bad_frame);
  EXPECT_NE(result.error().message.find(name), std::string::npos) << result.error().message;
}

TEST(QueryParams, AHistoryQueryIsReadWithItsDefaults) {
  const auto full = parse_history_query("alice", parameters({{"with", "#team"}, {"after", "0"}, {"limit", "200"}}));
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->user, "alice");
  EXPECT_EQ(full->with, "#team");
  EXPECT_EQ(full->before, std::nullopt);
  EXPECT_EQ(full->after, 0);
  EXPECT_EQ(full->limit, 200);
  const auto bare = parse_history_query("alice", parameters({{"with", "bob"}, {"before", ""}, {"limit", ""}}));
  ASSERT_TRUE(bare.has_value());
  EXPECT_EQ(bare->before, std::nullopt);
  EXPECT_EQ(bare->limit, chat::kPageSizeDefault);
}

TEST(QueryParams, WhatIsNotOfTheContractIsRefusedByName) {
  expect_refused(parse_history_query("alice", parameters({})), "with");
  for (const char* const with : {"", "a b", "#", "ä"}) {
    expect_refused(parse_history_query("alice", parameters({{"with", with}})), "with");
  }
  for (const char* const at : {"-1", "1.5", "1e3", " 1", "1 ", "+1", "x", "9007199254740992", "99999999999999999999"}) {
    expect_refused(parse_history_query("alice", parameters({{"with", "bob"}, {"before", at}})), "before");
    expect_refused(parse_history_query("alice", parameters({{"with", "bob"}, {"after", at}})), "after");
    expect_refused(parse_conversations_query("alice", parameters({{"before", at}})), "before");
  }
  expect_refused(parse_history_query("alice", parameters({{"with", "bob"}, {"before", "1"}, {"after", "1"}})),
                 "before");
  for (const char* const limit : {"0", "201", "-1", "many"}) {
    expect_refused(parse_history_query("alice", parameters({{"with", "bob"}, {"limit", limit}})), "limit");
    expect_refused(parse_conversations_query("alice", parameters({{"limit", limit}})), "limit");
    expect_refused(parse_sync_query("alice", parameters({{"limit", limit}})), "limit");
  }
  for (const std::string& cursor :
       {std::string(129, 'a'), std::string("a\nb"), std::string("é"), std::string("\0", 1)}) {
    expect_refused(parse_sync_query("alice", parameters({{"cursor", cursor}})), "cursor");
  }
  expect_refused(parse_sync_query("alice", parameters({{"latest", "1"}})), "latest");
  expect_refused(parse_sync_query("alice", parameters({{"latest", "true"}, {"cursor", "c"}})), "latest");
  for (const char* const user : {"", "a b", "#team"}) {
    expect_refused(parse_query_user(parameters({{"user", user}})), "user");
  }
  expect_refused(parse_query_user(parameters({})), "user");
}

TEST(QueryParams, ASyncWithoutACursorBeginsAtTheStart) {
  EXPECT_EQ(parse_sync_query("alice", parameters({}))->cursor, "");
  EXPECT_FALSE(parse_sync_query("alice", parameters({{"latest", "false"}, {"cursor", "c"}}))->latest);
  EXPECT_TRUE(parse_sync_query("alice", parameters({{"latest", "true"}}))->latest);
  EXPECT_EQ(parse_sync_query("alice", parameters({{"cursor", std::string(128, 'a')}}))->cursor, std::string(128, 'a'));
  EXPECT_EQ(parse_query_user(parameters({{"user", "al.i-c_e@x+y"}})), "al.i-c_e@x+y");
}

}  // namespace
}  // namespace simplechat::wire

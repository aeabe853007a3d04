#include "ctl/trace.h"

#include <gtest/gtest.h>

namespace simplechat::ctl {
namespace {

TEST(TraceLines, OfBothFormats) {
  const auto console = read_event(
      R"(2026-01-31T12:00:00.250Z debug message_stored id="a \"b\"" from=alice to=bob lag=3)", R"(a "b")", "p.log");
  ASSERT_TRUE(console);
  EXPECT_EQ(console->time, "2026-01-31T12:00:00.250Z");
  EXPECT_EQ(console->service, "p.log");
  EXPECT_EQ(console->event, "message_stored");
  EXPECT_EQ(console->fields.size(), 3U);
  const auto json = read_event(
      R"({"time":"2026-01-31T12:00:00.100Z","level":"info","service":"sv-websocket","event":"message_accepted","id":"a \"b\"","from":"alice","to":"bob"})",
      R"(a "b")", "g.log");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->service, "sv-websocket (g.log)");
  EXPECT_EQ(json->fields.size(), 2U);
}

TEST(TraceLines, OthersAreNot) {
  EXPECT_FALSE(read_event("2026-01-31T12:00:00.250Z debug message_stored id=other from=a to=b", "id", "l"));
  EXPECT_FALSE(read_event("2026-01-31T12:00:00.250Z info  session_closed id=id", "id", "l"));
  EXPECT_FALSE(read_event("2026-01-31T12:00:00.250Z debug message_stored from=id to=b", "id", "l"));
  EXPECT_FALSE(read_event(R"({"event":"message_stored","id":"oth)", "id", "l"));
  EXPECT_FALSE(read_event("", "id", "l"));
  EXPECT_FALSE(read_event("message_", "id", "l"));
}

TEST(TraceLines, ThePathIsInOrder) {
  std::vector<TraceEvent> path;
  for (const char* line : {"2026-01-31T12:00:00.120Z debug message_stored id=1 from=a to=b",
                           "2026-01-31T12:00:00.100Z debug message_published id=1 from=a to=b",
                           "2026-01-31T12:00:00.100Z debug message_accepted id=1 from=a to=b",
                           "2026-01-31T12:00:00.101Z debug message_delivered id=1 from=a to=b user=\"\\x1b\""}) {
    path.push_back(*read_event(line, "1", "log"));
  }
  sort_path(path);
  EXPECT_EQ(text_of_path(path),
            "2026-01-31T12:00:00.100Z      +0 ms  log  message_accepted from=a to=b\n"
            "2026-01-31T12:00:00.100Z      +0 ms  log  message_published from=a to=b\n"
            "2026-01-31T12:00:00.101Z      +1 ms  log  message_delivered from=a to=b user=x1b\n"
            "2026-01-31T12:00:00.120Z     +20 ms  log  message_stored from=a to=b\n");
  EXPECT_NE(json_of_path(path).find(R"("event":"message_accepted","from":"a","to":"b"})"), std::string::npos);
}

}  // namespace
}  // namespace simplechat::ctl

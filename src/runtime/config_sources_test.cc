#include "runtime/config_sources.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace simplechat::runtime {
namespace {

using Values = std::map<std::string, std::string>;

TEST(ParseDotenv, UnderstandsTheUsualForms) {
  const auto parsed = parse_dotenv(
      "# comment\n\nA=1\r\n B = two words \nexport C=3\nD=\"quoted # not a comment\" # comment\nE='single'\nF=x # "
      "comment\n"
      "G=a#b\nH=\nI=# comment\nJ=k=v\nA=again");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(*parsed, (Values{{"A", "again"},
                             {"B", "two words"},
                             {"C", "3"},
                             {"D", "quoted # not a comment"},
                             {"E", "single"},
                             {"F", "x"},
                             {"G", "a#b"},
                             {"H", ""},
                             {"I", ""},
                             {"J", "k=v"}}));
}

TEST(ParseDotenv, NamesTheLine) {
  EXPECT_EQ(parse_dotenv("A=1\nnonsense").error(), "line 2: must be KEY=VALUE");
  EXPECT_EQ(parse_dotenv("=1").error(), "line 1: must be KEY=VALUE");
  EXPECT_EQ(parse_dotenv("A='x").error(), "line 1: the quote of A does not end");
}

TEST(ParseToml, TakesScalars) {
  const auto parsed = parse_toml("a = 'text'\nb = 0x10\nc = false\n\"d-e\" = \"line\\nfeed\"\n");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(*parsed, (Values{{"a", "text"}, {"b", "16"}, {"c", "false"}, {"d-e", "line\nfeed"}}));
  EXPECT_TRUE(parse_toml("")->empty());
}

TEST(ParseToml, TakesLettersBeyondAsciiInStringsAndComments) {
  const auto parsed =
      parse_toml("\xEF\xBB\xBF# f\u00fcr\na = 'z\u00fc'\nb = \"\\\"\u00e4\" # \u00e4\nc = 1 # \u00e4\n");
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(*parsed, (Values{{"a", "z\u00fc"}, {"b", "\"\u00e4"}, {"c", "1"}}));
  for (const char* text : {"a\xcc\x96-b = 1", "a =\xc2\xa0'1'", "a = 'b'\xc2\xa1", "\xff", "a = 'b\n\xc2\xa1'"}) {
    ASSERT_FALSE(parse_toml(text)) << text;
  }
  EXPECT_TRUE(parse_toml("a = '\u00e4'\n\u00e4 = 1").error().starts_with("line 2: "));
  EXPECT_TRUE(parse_toml("# ''' and \"\"\"\n# f\u00fcr\na = 'z\u00fc'")) << "no string of several lines";
  for (const std::string quotes : {"\"\"\"", "'''"}) {  // in which # begins no comment
    EXPECT_TRUE(parse_toml("a = " + quotes + "\n# \\\xEF\xB3\xBF\n" + quotes).error().starts_with("line 2: "));
    EXPECT_TRUE(parse_toml(quotes + "\n\n# \\\xEF\xB3\xBF").error().starts_with("line 3: "));
  }
  EXPECT_TRUE(parse_toml("p=[[0,],0,\n0xAC='\xEF\xBB\xBB'\n0]").error().starts_with("line 2: "));
}

TEST(ParseToml, RefusesAllElse) {
  for (const char* text : {"a = 1.5", "a = [1]", "[a]\nb = 1", "a = 2020-01-01", "a = ", "a = 1\na = 2", "a", "[=1"}) {
    EXPECT_FALSE(parse_toml(text)) << text;
  }
  EXPECT_TRUE(parse_toml("a = 1\nb = ").error().starts_with("line 2: "));
  for (const char* text : {"a = 1\"\"\"7\xEF\xBB\x9F", "a = [2=='\xEF\xBB\xBB ", "\xC3\xA4 = 1", "a = 'x' \xC3\xA4"}) {
    EXPECT_TRUE(parse_toml(text).error().starts_with("line 1: a character beyond ASCII")) << text;
  }
}

const std::vector<std::string> kSchemes{"amqp", "postgres", "postgresql", "redis", "http"};

TEST(CheckUrl, TakesUrls) {
  for (const char* url : {"amqp://h", "amqp://u:p@h:5672/vhost", "redis://:p@127.0.0.1:6379/0",
                          "postgres://u:p@[::1]:5432/db?sslmode=require", "postgresql://a:1,b:2/db",
                          "postgres://%2Fvar%2Frun/db", "postgres://u%3a:p%2F%40%25@h", "http://host:80"}) {
    EXPECT_EQ(check_url(url, kSchemes), std::nullopt) << url;
  }
}

TEST(CheckUrl, RefusesAllElse) {
  for (const char* url : {"", "h", "ftp://h", "AMQP://h", "amqp:/h", "amqp://", "amqp://u:p@", "amqp://h:0",
                          "amqp://h:65536", "amqp://h:x", "amqp://h y", "amqp://h\n", "postgres://a,:1",
                          "http://h/path", "redis://[::1", "postgres://u:p@q@h/db"}) {
    EXPECT_NE(check_url(url, kSchemes), std::nullopt) << url;
  }
  for (const char* escape : {"%", "%4", "%zz", "%4g", "%%40", "%00", "%40%"}) {
    for (const char* url : {"postgres://u{}:p@h", "postgres://u:p{}@h/db", "postgres://h/db?password={}"}) {
      EXPECT_NE(check_url(fmt::format(fmt::runtime(url), escape), kSchemes), std::nullopt) << url << ' ' << escape;
    }
  }
  EXPECT_EQ(check_url("x", kSchemes),
            "it must begin with amqp:// or postgres:// or postgresql:// or redis:// or http://");
}

TEST(MaskUrl, HidesPasswords) {
  EXPECT_EQ(mask_url("amqp://u:p@h:1/v"), "amqp://u:***@h:1/v");
  EXPECT_EQ(mask_url("redis://:p@h"), "redis://:***@h");
  EXPECT_EQ(mask_url("amqp://u:p/@q@h"), "amqp://u:***@h");
  EXPECT_EQ(mask_url("u:p@h"), "u:***@h");
  EXPECT_EQ(mask_url("postgres://h/db?password=p&sslpassword=q&x=y"),
            "postgres://h/db?password=***&sslpassword=***&x=y");
}

TEST(MaskUrl, LeavesTheRest) {
  for (const char* url : {"", "amqp://h:1/v", "amqp://u@h:1", "http://[::1]:80", "text", "70000"})
    EXPECT_EQ(mask_url(url), url);
}

}  // namespace
}  // namespace simplechat::runtime

#include "ctl/answer_text.h"

#include <gtest/gtest.h>

namespace simplechat::ctl {
namespace {

TEST(AnswerText, ValuesAndTables) {
  EXPECT_EQ(text_of_answer(R"({"status":"success","users":3,"draining":false,"next":""})"),
            "users: 3\ndraining: false\n");
  EXPECT_EQ(
      text_of_answer(R"({"status":"success","sessions":[{"user":"alice","device":""},{"user":"bo","device":"tv"}]})"),
      "user   device\nalice  -\nbo     tv\n");
  EXPECT_EQ(text_of_answer(R"({"status":"success","sessions":[]})"), "sessions: none\n");
  EXPECT_EQ(text_of_answer(R"({"status":"success","deadLetter":{"id":"1","body":"[{\"a\":1}]"}})"),
            "id: 1\nbody: [{\"a\":1}]\n");
}

TEST(AnswerText, NothingCommandsTheTerminal) {
  EXPECT_EQ(text_of_answer("{\"device\":\"a\\u001b[2Jb\\u009bc\\n\"}"), "device: a?[2Jb?c?\n");
  EXPECT_EQ(text_of_answer("<html>\x1b[2J"), "<html>?[2J\n");
}

TEST(AnswerText, Errors) {
  EXPECT_EQ(text_of_error(R"({"status":"error","code":"not_found","message":"no such"})"), "not_found: no such");
  EXPECT_EQ(text_of_error("Bad gateway\n"), "Bad gateway?");
}

}  // namespace
}  // namespace simplechat::ctl

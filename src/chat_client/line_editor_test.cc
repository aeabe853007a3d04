#include "chat_client/line_editor.h"

#include <gtest/gtest.h>

#include "chat/limits.h"
#include "chat_client/safe_text.h"

namespace simplechat::chat_client {
namespace {

class Editor : public ::testing::Test {
 protected:
  // Feeds keys and gives the lines that were submitted, each in brackets.
  std::string type(std::string_view keys) {
    std::string lines;
    for (const KeyEvent& event : editor_.feed(keys)) {
      if (event.action == KeyAction::submitted) lines += "[" + event.line + "]";
    }
    return lines;
  }
  bool happens(std::string_view keys, KeyAction action) {
    for (const KeyEvent& event : editor_.feed(keys)) {
      if (event.action == action) return true;
    }
    return false;
  }
  std::string view(std::size_t columns) {
    const auto view = editor_.view(columns);
    EXPECT_LT(columns_of(view.before) + columns_of(view.after), columns);
    return view.before + "|" + view.after;
  }

  LineEditor editor_;
};

TEST_F(Editor, SubmitsLines) {
  EXPECT_EQ(type("hello\rwor"), "[hello]");
  EXPECT_EQ(type("ld\r\r"), "[world]");  // an empty line is none
}

TEST_F(Editor, TakesCharactersThatArriveInPieces) {
  for (const char byte : std::string("é漢😀")) type(std::string_view(&byte, 1));
  EXPECT_EQ(editor_.text(), "é漢😀");
  type("\x7f\x7f");
  EXPECT_EQ(editor_.text(), "é");
  type("\xff\xfe");
  EXPECT_EQ(editor_.text(), "é");
  type("\xc3(");  // cut off, then another character
  EXPECT_EQ(editor_.text(), "é(");
}

TEST_F(Editor, RemovesACharacterWithItsMarks) {
  type("ae\xcc\x81\x7f");
  EXPECT_EQ(editor_.text(), "a");
}

TEST_F(Editor, MovesAndEdits) {
  type("abc\x1b[D\x1b[DX");
  EXPECT_EQ(editor_.text(), "aXbc");
  type("\x01<\x05>");
  EXPECT_EQ(editor_.text(), "<aXbc>");
  type("\x1b[H\x1b[3~\x1bOF\x7f");
  EXPECT_EQ(editor_.text(), "aXbc");
  type(" one two  \x17");
  EXPECT_EQ(editor_.text(), "aXbc one ");
  type("\x15new\x02\x0b");
  EXPECT_EQ(editor_.text(), "ne");
  type("\x1b[99;5u!");  // a key that means nothing here
  EXPECT_EQ(editor_.text(), "ne!");
}

TEST_F(Editor, PastedLineFeedsDoNotSubmit) {
  EXPECT_EQ(type("\x1b[200~one\rtwo\n\x03three\x1b[201~"), "");
  EXPECT_EQ(editor_.text(), "one\ntwo\nthree");
  EXPECT_EQ(type("\r"), "[one\ntwo\nthree]");
  EXPECT_EQ(type("a\x1b\rb\r"), "[a\nb]");
}

TEST_F(Editor, RecallsWhatWasWritten) {
  type("one\rtwo\rdraft\x1b[A");
  EXPECT_EQ(editor_.text(), "two");
  type("\x1b[A\x1b[A");
  EXPECT_EQ(editor_.text(), "one");
  type("\x1b[B\x1b[B\x1b[B");
  EXPECT_EQ(editor_.text(), "draft");
}

TEST_F(Editor, EndsAndInterrupts) {
  EXPECT_TRUE(happens("\x04", KeyAction::ended));
  EXPECT_FALSE(happens("a\x04", KeyAction::ended));
  EXPECT_TRUE(happens("\x03", KeyAction::interrupted));
  EXPECT_TRUE(happens("\x1a", KeyAction::suspended));
}

TEST_F(Editor, IsBoundedByAPayload) {
  type(std::string(chat::limits::kPayloadBytesMax + 10, 'x') + "é");
  EXPECT_EQ(editor_.text().size(), chat::limits::kPayloadBytesMax);
}

TEST_F(Editor, ShowsAWindowAroundTheCursor) {
  type("0123456789");
  EXPECT_EQ(view(20), "0123456789|");
  EXPECT_EQ(view(6), "56789|");
  type("\x01");
  EXPECT_EQ(view(6), "|01234");
  type("\x05\x02\x02");
  EXPECT_EQ(view(9), "234567|89");
  EXPECT_EQ(editor_.view(0).before, "");
}

TEST_F(Editor, ShowsWideAndControlCharactersSafely) {
  type("\x1b[200~漢字漢字\nx\x1b[201~");
  EXPECT_EQ(view(40), "漢字漢字\\nx|");
  EXPECT_EQ(view(7), "字\\nx|");
}

}  // namespace
}  // namespace simplechat::chat_client

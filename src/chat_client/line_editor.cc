#include "chat_client/line_editor.h"

#include <algorithm>
#include <utility>

#include "chat/limits.h"
#include "chat_client/safe_text.h"

namespace simplechat::chat_client {
namespace {

constexpr unsigned char kEscape = 0x1b;
constexpr unsigned char kDelete = 0x7f;
constexpr std::size_t kSequenceMax = 32;
constexpr std::string_view kPasteBegins = "200~";
constexpr std::string_view kPasteEnds = "201~";

constexpr unsigned char control(char letter) { return static_cast<unsigned char>(letter - 'A' + 1); }

std::size_t utf8_bytes(char32_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

std::string utf8(std::u32string_view text) {
  std::string out;
  for (const char32_t code : text) append_utf8(out, code);
  return out;
}

std::string shown(char32_t code) {
  std::string bytes;
  append_utf8(bytes, code);
  std::string out;
  append_safe(out, first_character(bytes), bytes);
  return out;
}

bool is_mark(char32_t code) { return code >= 0x20 && columns_of(code) == 0; }  // belongs to the character before it

}  // namespace

std::vector<KeyEvent> LineEditor::feed(std::string_view bytes) {
  std::vector<KeyEvent> events;
  for (const char byte : bytes) take_byte(static_cast<unsigned char>(byte), events);
  return events;
}

void LineEditor::take_byte(unsigned char byte, std::vector<KeyEvent>& events) {
  if (state_ != State::text) return take_escape(byte, events);
  if (byte < 0x20 || byte == kDelete) {
    character_.clear();
    return take_control(byte, events);
  }
  const bool continues = (byte & 0xc0U) == 0x80;
  if (!continues) character_.clear();  // what was cut off there is none
  character_.push_back(static_cast<char>(byte));
  // Complete if it is valid; given up if it can become no character.
  const Character character = first_character(character_);
  constexpr std::size_t kCharacterBytesMax = 4;
  const bool may_grow =
      static_cast<unsigned char>(character_.front()) >= 0xc2 && character_.size() < kCharacterBytesMax;
  if (!character.is_valid && may_grow) return;
  if (character.is_valid) insert(character.code, events);
  character_.clear();
}

void LineEditor::take_control(unsigned char byte, std::vector<KeyEvent>& events) {
  if (byte == kEscape) {
    state_ = State::escape;
    return;
  }
  if (pasting_) {
    if (byte == '\r' || byte == '\n') insert('\n', events);
    if (byte == '\t') insert('\t', events);
    return;
  }
  switch (byte) {
    case '\r':
    case '\n':
      return submit(events);
    case '\t':
      return insert('\t', events);
    case control('H'):
    case kDelete: {
      std::size_t from = cursor_;
      while (from > 0 && is_mark(text_[from - 1])) --from;
      return erase(from > 0 ? from - 1 : 0, cursor_, events);
    }
    case control('A'):
      cursor_ = 0;
      break;
    case control('E'):
      cursor_ = text_.size();
      break;
    case control('B'):
      if (cursor_ > 0) --cursor_;
      break;
    case control('F'):
      if (cursor_ < text_.size()) ++cursor_;
      break;
    case control('K'):
      return erase(cursor_, text_.size(), events);
    case control('U'):
      return erase(0, cursor_, events);
    case control('W'):
      return erase(word_start(), cursor_, events);
    case control('P'):
      recall(-1);
      break;
    case control('N'):
      recall(1);
      break;
    case control('C'):
      events.push_back({KeyAction::interrupted});
      return;
    case control('Z'):
      events.push_back({KeyAction::suspended});
      return;
    case control('D'):
      if (!text_.empty()) return erase(cursor_, cursor_ + 1, events);
      events.push_back({KeyAction::ended});
      return;
    default:
      break;
  }
  events.push_back({KeyAction::refreshed});
}

void LineEditor::take_escape(unsigned char byte, std::vector<KeyEvent>& events) {
  if (state_ == State::escape) {
    state_ = State::text;
    if (byte == '[' || byte == 'O') {
      state_ = State::sequence;
      sequence_.clear();
    } else if (byte == '\r' || byte == '\n') {
      insert('\n', events);
    } else if (byte == kEscape) {
      state_ = State::escape;
    }
    return;
  }
  sequence_.push_back(static_cast<char>(byte));
  const bool is_final = byte >= 0x40 && byte <= 0x7e;  // ECMA-48 5.4
  if (!is_final && byte >= 0x20 && byte < 0x40 && sequence_.size() < kSequenceMax) return;
  state_ = State::text;
  if (is_final) finish_sequence(events);
}

void LineEditor::finish_sequence(std::vector<KeyEvent>& events) {
  if (sequence_ == kPasteBegins) {
    pasting_ = true;
  } else if (sequence_ == kPasteEnds) {
    pasting_ = false;
  } else if (sequence_ == "A") {
    recall(-1);
  } else if (sequence_ == "B") {
    recall(1);
  } else if (sequence_ == "C" && cursor_ < text_.size()) {
    ++cursor_;
  } else if (sequence_ == "D" && cursor_ > 0) {
    --cursor_;
  } else if (sequence_ == "H" || sequence_ == "1~" || sequence_ == "7~") {
    cursor_ = 0;
  } else if (sequence_ == "F" || sequence_ == "4~" || sequence_ == "8~") {
    cursor_ = text_.size();
  } else if (sequence_ == "3~") {
    return erase(cursor_, cursor_ + 1, events);
  }
  events.push_back({KeyAction::refreshed});
}

void LineEditor::insert(char32_t code, std::vector<KeyEvent>& events) {
  if (bytes_ + utf8_bytes(code) > chat::limits::kPayloadBytesMax) return;
  text_.insert(cursor_, 1, code);
  ++cursor_;
  bytes_ += utf8_bytes(code);
  events.push_back({KeyAction::edited});
}

void LineEditor::erase(std::size_t from, std::size_t to, std::vector<KeyEvent>& events) {
  to = std::min(to, text_.size());
  if (from >= to) return;
  text_.erase(from, to - from);
  cursor_ = from;
  bytes_ = utf8(text_).size();
  events.push_back({KeyAction::edited});
}

std::size_t LineEditor::word_start() const {
  std::size_t at = cursor_;
  while (at > 0 && text_[at - 1] == ' ') --at;
  while (at > 0 && text_[at - 1] != ' ') --at;
  return at;
}

void LineEditor::submit(std::vector<KeyEvent>& events) {
  if (text_.empty()) return;
  events.push_back({KeyAction::submitted, utf8(text_)});
  if (recalled_.empty() || recalled_.back() != text_) recalled_.push_back(text_);
  if (recalled_.size() > kRecalledMax) recalled_.pop_front();
  recall_at_ = recalled_.size();
  draft_.clear();
  replace({});
}

void LineEditor::recall(int direction) {
  if (direction < 0 ? recall_at_ == 0 : recall_at_ >= recalled_.size()) return;
  if (recall_at_ == recalled_.size()) draft_ = text_;
  recall_at_ += direction < 0 ? -1 : 1;
  replace(recall_at_ == recalled_.size() ? draft_ : recalled_[recall_at_]);
}

void LineEditor::replace(std::u32string text) {
  text_ = std::move(text);
  cursor_ = text_.size();
  bytes_ = utf8(text_).size();
}

std::string LineEditor::text() const { return utf8(text_); }

LineEditor::View LineEditor::view(std::size_t columns) const {
  if (columns == 0) return {};
  // Left of the cursor up to three quarters of the window (all of it if nothing is right of it), then what still fits.
  const std::size_t left_max = cursor_ == text_.size() ? columns - 1 : columns * 3 / 4;
  View view;
  std::size_t used = 0;
  std::size_t begin = cursor_;
  while (begin > 0) {
    const std::size_t wide = columns_of(shown(text_[begin - 1]));
    if (used + wide > left_max) break;
    used += wide;
    --begin;
  }
  for (std::size_t i = begin; i < cursor_; ++i) view.before += shown(text_[i]);
  for (std::size_t i = cursor_; i < text_.size(); ++i) {
    const std::string next = shown(text_[i]);
    const std::size_t wide = columns_of(next);
    if (used + wide > columns - 1) break;
    used += wide;
    view.after += next;
  }
  return view;
}

}  // namespace simplechat::chat_client

// Client-to-server frames: JSON text to values. Pure; one parser object per reactor, used again for every frame.
//
// Validates everything that the contract says of a frame's form: JSON, UTF-8, types and ranges of the fields, ids. What
// needs state (registered or not, whose session) is the session's to check.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/records.h"

namespace simplechat::wire {

inline constexpr std::size_t kTokenBytesMax = std::size_t{8} * 1024;
inline constexpr std::size_t kDeviceBytesMax = 64;  // printable ASCII
inline constexpr std::size_t kRefBytesMax = 128;    // of JSON, a string's quotes and escapes included

// All views point into the FrameParser or the text that was parsed, and are valid until the parser's next parse() and
// as long as the text is unchanged. `from` is empty if absent.
struct RegisterFrame {
  std::string_view from;
  std::string_view token;
  std::string_view device;
};
struct UnregisterFrame {
  std::string_view from = {};
};
struct NormalFrame {
  std::string_view from;
  std::string_view to;  // user id or group address
  std::string_view id;  // empty if absent
  std::string_view payload;
};
struct TypingFrame {
  std::string_view from;
  std::string_view to;
};
struct MarkFrame {  // `received` and `read`
  chat::MarkKind kind;
  std::string_view from;
  std::string_view with;
  chat::Timestamp at;
};
// `ref` is the JSON of the field (a string with its quotes, or a number), to be echoed: of equal value, in this room's
// own escaping. Empty if absent; at most kRefBytesMax.
struct HistoryFrame {
  std::string_view from;
  std::string_view with;
  std::optional<chat::Timestamp> before;
  std::optional<chat::Timestamp> after;
  int limit;
  std::string_view ref;
};
struct SyncFrame {
  std::string_view from;
  std::string_view cursor;  // empty if absent
  bool latest;              // false if absent; excludes a cursor
  int limit;
  std::string_view ref;
};
struct ConversationsFrame {
  std::string_view from;
  std::optional<chat::Timestamp> before;
  int limit;
  std::string_view ref;
};
struct PingFrame {
  std::string_view ref;
  std::string_view from = {};
};

using ClientFrame = std::variant<RegisterFrame, UnregisterFrame, NormalFrame, TypingFrame, MarkFrame, HistoryFrame,
                                 SyncFrame, ConversationsFrame, PingFrame>;

// An error to answer with, and the `id` or `ref` of the frame that it is about where those could be read.
struct FrameError {
  chat::Error error;
  std::string id;   // empty if absent or invalid
  std::string ref;  // raw JSON, empty if absent
};

class FrameParser {
 public:
  FrameParser();
  ~FrameParser();
  FrameParser(FrameParser&&) noexcept;
  FrameParser& operator=(FrameParser&&) noexcept;

  // Errors: bad_json (not one JSON object), bad_frame (a field missing, of the wrong type or out of range; names the
  // field), unknown_type, too_large (payload over limits::kPayloadBytesMax). A user id given as a JSON integer is read
  // as its decimal text. A payload must be non-empty; unknown fields are ignored; duplicate keys: the first counts.
  [[nodiscard]] std::expected<ClientFrame, FrameError> parse(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace simplechat::wire

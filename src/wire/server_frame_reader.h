// Server-to-client frames as a client reads them: JSON text to values. Pure; the other half of server_frame.h.
//
// Values own their text: a client is no hot path, and keeps most of what it reads. Lenient where a later version of the
// contract may add (unknown types, fields and error codes), strict about the form of ids, which go on to a screen.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/records.h"

namespace simplechat::wire::server {

struct Registered {
  std::string user;
  chat::Timestamp at;
};
struct Unregistered {};
struct Ack {
  std::string id;
  std::string to;
  chat::Timestamp at;
};
struct Normal {
  chat::Message message;
};
struct Typing {
  std::string from;
  std::string to;
};
struct Resync {};
struct Draining {
  std::int64_t after_ms;  // 0 if absent or out of range
};
// `ref` is the request's, where it was a string; a client of this project sends no other. Empty if absent.
struct Error {
  std::string code;  // one of the contract's, or one that a later version added
  std::string message;
  std::string id;  // empty if absent
  std::string ref;
  std::int64_t retry_ms;  // 0 if absent
};
struct History {
  std::string ref;
  std::string with;
  std::vector<chat::Message> messages;
  bool more;
};
struct Sync {
  std::string ref;
  std::vector<chat::Message> messages;
  std::string cursor;
  bool more;
};
struct Pong {
  std::string ref;
};
// A type that this client does not use or does not know: to be ignored.
struct Other {
  std::string type;
};

using Frame = std::variant<Registered, Unregistered, Ack, Normal, Typing, chat::Mark, Resync, Draining, Error, History,
                           Sync, Pong, Other>;

class FrameReader {
 public:
  FrameReader();
  ~FrameReader();
  FrameReader(FrameReader&&) noexcept;
  FrameReader& operator=(FrameReader&&) noexcept;

  // Errors: bad_json (not one JSON object with a "type"), bad_frame (a field that the contract promises is missing or
  // of another form; names it).
  [[nodiscard]] chat::Result<Frame> read(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace simplechat::wire::server

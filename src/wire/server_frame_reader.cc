#include "wire/server_frame_reader.h"

#include <array>
#include <limits>
#include <utility>

#include "wire/json_reader.h"

namespace simplechat::wire::server {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kErrorCodeBytesMax = 64;

std::string owned(std::string_view text) { return std::string(text); }

// A string field that nothing depends on; empty if it is absent or something else.
std::string text_or_empty(const ObjectReader& reader, std::string_view key) {
  std::string_view text;
  const auto found = reader.find(key);
  if (!found || found->get(text) != simdjson::SUCCESS) return {};
  return owned(text);
}

std::int64_t milliseconds_or_0(const ObjectReader& reader, std::string_view key) {
  std::int64_t value = 0;
  const auto found = reader.find(key);
  if (!found || found->get(value) != simdjson::SUCCESS || value < 0) return 0;
  return value;
}

// Without the gateway's bound on a payload: what was stored under another one is read all the same.
chat::Message read_message(ObjectReader& reader) {
  return {.id = owned(reader.message_id("id")),
          .from = owned(reader.user("from")),
          .to = owned(reader.address("to")),
          .payload = owned(reader.text("payload", 0, kUnlimited)),
          .at = reader.timestamp("at")};
}

std::vector<chat::Message> read_messages(ObjectReader& reader) {
  std::vector<chat::Message> messages;
  const auto array = reader.array("messages");
  if (!array) return messages;
  const auto read =
      read_objects(*array, "message", [&messages](ObjectReader& object) { messages.push_back(read_message(object)); });
  if (!read) reader.fail(read.error());
  return messages;
}

Frame read_registered(ObjectReader& reader) {
  return Registered{.user = owned(reader.user("user")), .at = reader.timestamp("at")};
}

Frame read_unregistered(ObjectReader& /*reader*/) { return Unregistered{}; }

Frame read_ack(ObjectReader& reader) {
  return Ack{.id = owned(reader.message_id("id")), .to = owned(reader.address("to")), .at = reader.timestamp("at")};
}

Frame read_normal(ObjectReader& reader) { return Normal{read_message(reader)}; }

Frame read_typing(ObjectReader& reader) {
  return Typing{.from = owned(reader.user("from")), .to = owned(reader.address("to"))};
}

template <chat::MarkKind kind>
Frame read_mark(ObjectReader& reader) {
  return chat::Mark{.user = owned(reader.user("from")),
                    .with = owned(reader.address("with")),
                    .kind = kind,
                    .at = reader.timestamp("at")};
}

Frame read_resync(ObjectReader& /*reader*/) { return Resync{}; }

Frame read_draining(ObjectReader& reader) { return Draining{milliseconds_or_0(reader, "afterMs")}; }

Frame read_error(ObjectReader& reader) {
  return Error{.code = owned(reader.text("code", 1, kErrorCodeBytesMax)),
               .message = text_or_empty(reader, "message"),
               .id = text_or_empty(reader, "id"),
               .ref = text_or_empty(reader, "ref"),
               .retry_ms = milliseconds_or_0(reader, "retryMs")};
}

Frame read_history(ObjectReader& reader) {
  return History{.ref = text_or_empty(reader, "ref"),
                 .with = owned(reader.address("with")),
                 .messages = read_messages(reader),
                 .more = reader.boolean("more")};
}

Frame read_sync(ObjectReader& reader) {
  return Sync{.ref = text_or_empty(reader, "ref"),
              .messages = read_messages(reader),
              .cursor = owned(reader.printable("cursor", 0, kCursorBytesMax)),
              .more = reader.boolean("more")};
}

Frame read_pong(ObjectReader& reader) { return Pong{text_or_empty(reader, "ref")}; }

struct Type {
  std::string_view name;
  Frame (*read)(ObjectReader&);
};
constexpr std::array kTypes = {
    Type{"registered", read_registered},
    Type{"unregistered", read_unregistered},
    Type{"ack", read_ack},
    Type{"normal", read_normal},
    Type{"typing", read_typing},
    Type{"received", read_mark<chat::MarkKind::received>},
    Type{"read", read_mark<chat::MarkKind::read>},
    Type{"resync", read_resync},
    Type{"draining", read_draining},
    Type{"error", read_error},
    Type{"history", read_history},
    Type{"sync", read_sync},
    Type{"pong", read_pong},
};

}  // namespace

struct FrameReader::State {
  JsonDocument document;
};

FrameReader::FrameReader() : state_(std::make_unique<State>()) {}
FrameReader::~FrameReader() = default;
FrameReader::FrameReader(FrameReader&&) noexcept = default;
FrameReader& FrameReader::operator=(FrameReader&&) noexcept = default;

chat::Result<Frame> FrameReader::read(std::string_view text) {
  const auto object = state_->document.parse_object(text);
  if (!object) return std::unexpected(object.error());
  ObjectReader reader(*object);
  const auto type = reader.type("a string");
  if (!type) return std::unexpected(reader.take_error());
  for (const Type& known : kTypes) {
    if (known.name != *type) continue;
    Frame frame = known.read(reader);
    if (reader.failed()) return std::unexpected(reader.take_error());
    return frame;
  }
  return Other{owned(*type)};
}

}  // namespace simplechat::wire::server

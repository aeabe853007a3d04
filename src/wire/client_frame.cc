#include "wire/client_frame.h"

#include <algorithm>
#include <array>
#include <utility>

#include "chat/message_store.h"
#include "wire/json.h"
#include "wire/json_reader.h"
#include "wire/plain_frame.h"

namespace simplechat::wire {
namespace {

constexpr auto kOptional = Presence::optional;

std::string_view read_ref(ObjectReader& reader, std::string& ref) {
  ref.clear();
  const auto found = reader.find("ref");
  if (!found) return {};
  std::string_view text;
  std::int64_t number = 0;
  if (found->get(text) == simdjson::SUCCESS) {
    append_json_string(ref, text);
  } else if (found->get(number) == simdjson::SUCCESS) {
    append_json_integer(ref, number);
  } else if (found->is_number()) {
    ref = simdjson::minify(*found);
  } else {
    reader.fail("ref", describe_type(*found), "a string or a number");
  }
  if (ref.size() <= kRefBytesMax) return ref;
  ref.clear();
  reader.fail("ref", "is too long",
              "a string or a number of at most " + std::to_string(kRefBytesMax) + " bytes of JSON");
  return ref;
}

int read_limit(ObjectReader& reader) {
  return static_cast<int>(reader.optional_integer("limit", 1, chat::kPageSizeMax).value_or(chat::kPageSizeDefault));
}

ClientFrame read_register(ObjectReader& reader, std::string&) {
  return RegisterFrame{.from = reader.user("from"),
                       .token = reader.text("token", 0, kTokenBytesMax, kOptional),
                       .device = reader.printable("device", 1, kDeviceBytesMax, kOptional)};
}

ClientFrame read_unregister(ObjectReader& reader, std::string&) {
  return UnregisterFrame{.from = reader.user("from", kOptional)};
}

ClientFrame read_normal(ObjectReader& reader, std::string&) {
  return NormalFrame{.from = reader.user("from", kOptional),
                     .to = reader.address("to"),
                     .id = reader.message_id("id", kOptional),
                     .payload = reader.payload("payload")};
}

ClientFrame read_typing(ObjectReader& reader, std::string&) {
  return TypingFrame{.from = reader.user("from", kOptional), .to = reader.address("to")};
}

template <chat::MarkKind kKind>
ClientFrame read_mark(ObjectReader& reader, std::string&) {
  return MarkFrame{.kind = kKind,
                   .from = reader.user("from", kOptional),
                   .with = reader.address("with"),
                   .at = reader.timestamp("at")};
}

ClientFrame read_history(ObjectReader& reader, std::string& ref) {
  const HistoryFrame frame{.from = reader.user("from", kOptional),
                           .with = reader.address("with"),
                           .before = reader.optional_timestamp("before"),
                           .after = reader.optional_timestamp("after"),
                           .limit = read_limit(reader),
                           .ref = read_ref(reader, ref)};
  if (frame.before && frame.after) reader.fail("after", "stands beside \"before\"", "the only one of the two");
  return frame;
}

ClientFrame read_sync(ObjectReader& reader, std::string& ref) {
  const SyncFrame frame{.from = reader.user("from", kOptional),
                        .cursor = reader.printable("cursor", 0, kCursorBytesMax, kOptional),
                        .latest = reader.boolean("latest", kOptional),
                        .limit = read_limit(reader),
                        .ref = read_ref(reader, ref)};
  if (frame.latest && !frame.cursor.empty())
    reader.fail("latest", "stands beside \"cursor\"", "the only one of the two");
  return frame;
}

ClientFrame read_conversations(ObjectReader& reader, std::string& ref) {
  return ConversationsFrame{.from = reader.user("from", kOptional),
                            .before = reader.optional_timestamp("before"),
                            .limit = read_limit(reader),
                            .ref = read_ref(reader, ref)};
}

ClientFrame read_ping(ObjectReader& reader, std::string& ref) {
  return PingFrame{.ref = read_ref(reader, ref), .from = reader.user("from", kOptional)};
}

struct FrameType {
  std::string_view name;
  ClientFrame (*read)(ObjectReader& reader, std::string& ref);
};

constexpr std::array<FrameType, 10> kFrameTypes = {{
    {"normal", read_normal},
    {"typing", read_typing},
    {"received", read_mark<chat::MarkKind::received>},
    {"read", read_mark<chat::MarkKind::read>},
    {"ping", read_ping},
    {"history", read_history},
    {"sync", read_sync},
    {"conversations", read_conversations},
    {"register", read_register},
    {"unregister", read_unregister},
}};
constexpr std::string_view kFrameTypeNames =
    "one of register, unregister, normal, typing, received, read, history, sync, conversations, ping";

ClientFrame read_frame(ObjectReader& reader, std::string& ref) {
  const auto type = reader.type(kFrameTypeNames);
  if (!type) return {};
  const auto* const known = std::ranges::find(kFrameTypes, *type, &FrameType::name);
  if (known != kFrameTypes.end()) return known->read(reader, ref);
  reader.fail(unknown_type(*type, kFrameTypeNames));
  return {};
}

}  // namespace

struct FrameParser::State {
  JsonDocument document;
  std::optional<ObjectReader> reader;  // of the latest frame, whose views may point into it
  std::string ref;
};

FrameParser::FrameParser() : state_(std::make_unique<State>()) {}
FrameParser::~FrameParser() = default;
FrameParser::FrameParser(FrameParser&&) noexcept = default;
FrameParser& FrameParser::operator=(FrameParser&&) noexcept = default;

std::expected<ClientFrame, FrameError> FrameParser::parse(std::string_view text) {
  if (const auto normal = scan_normal(text)) return *normal;
  auto object = state_->document.parse_object(text);
  if (!object) return std::unexpected(FrameError{.error = std::move(object.error()), .id = {}, .ref = {}});
  ObjectReader& reader = state_->reader.emplace(*object, Null::is_absent);
  ClientFrame frame = read_frame(reader, state_->ref);
  if (!reader.failed()) return frame;

  // Another reader, so that the error of this one stays and the ids that it has read do not count.
  ObjectReader about(*object, Null::is_absent);
  return std::unexpected(FrameError{.error = reader.take_error(),
                                    .id = std::string(about.message_id("id", kOptional)),
                                    .ref = std::string(read_ref(about, state_->ref))});
}

}  // namespace simplechat::wire

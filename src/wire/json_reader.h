// Reading values out of JSON text, for this room's .cc files only: it is the one header that names simdjson.
//
// A JsonDocument owns the parser and, through it, the bytes of the latest text. An ObjectReader reads the fields of one
// object of it. Its reads check the contract's forms (ids, timestamps, payload) and keep the first problem, so that a
// caller reads all fields and asks once:
//
//   ObjectReader reader(object);
//   MarkFrame frame{.with = reader.address("with"), .at = reader.timestamp("at")};
//   if (reader.failed()) return std::unexpected(reader.take_error());
//
// One thread; views are valid as long as the reader and until the document's next parse().
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/error.h"
#include "chat/message.h"

namespace simplechat::wire {

// Objects and arrays within one another. The deepest form of the contract has five.
inline constexpr std::size_t kNestingMax = 16;
// The greatest integer that JavaScript holds exactly: 2^53 - 1.
inline constexpr chat::Timestamp kTimestampMax = (std::int64_t{1} << 53) - 1;
inline constexpr std::size_t kCursorBytesMax = 128;

class JsonDocument {
 public:
  JsonDocument();

  // Errors: bad_json if `text` is not exactly one JSON value in valid UTF-8, nests deeper than kNestingMax, or has a
  // number that neither an integer of 64 bits nor a double holds. parse_object() also if the value is not an object.
  [[nodiscard]] chat::Result<simdjson::dom::element> parse(std::string_view text);
  [[nodiscard]] chat::Result<simdjson::dom::object> parse_object(std::string_view text);

 private:
  simdjson::dom::parser parser_;
};

enum class Presence : std::uint8_t { required, optional };

// Whether a field that is null counts as absent, since many clients' libraries write null for what an object does not
// have.
enum class Null : std::uint8_t { is_refused, is_absent };

class ObjectReader {
 public:
  explicit ObjectReader(simdjson::dom::object object, Null null = Null::is_refused) : object_(object), null_(null) {}
  ObjectReader(const ObjectReader&) = delete;  // views point into it
  ObjectReader& operator=(const ObjectReader&) = delete;

  // Each returns an empty string, 0, false or nothing for a field that is absent or not valid. Of duplicate keys the
  // first counts. An id may be a JSON integer, read as its decimal text; at most two fields of one object may be read
  // as ids.
  [[nodiscard]] std::string_view user(std::string_view key, Presence presence = Presence::required);
  [[nodiscard]] std::string_view address(std::string_view key,
                                         Presence presence = Presence::required);  // user or group
  [[nodiscard]] std::string_view message_id(std::string_view key, Presence presence = Presence::required);
  // A string of `bytes_min` to `bytes_max` bytes, of any characters or of printable ASCII alone.
  [[nodiscard]] std::string_view text(std::string_view key, std::size_t bytes_min, std::size_t bytes_max,
                                      Presence presence = Presence::required);
  [[nodiscard]] std::string_view printable(std::string_view key, std::size_t bytes_min, std::size_t bytes_max,
                                           Presence presence = Presence::required);
  // A non-empty string of at most limits::kPayloadBytesMax bytes; too_large beyond.
  [[nodiscard]] std::string_view payload(std::string_view key);

  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
  [[nodiscard]] std::optional<std::int64_t> optional_integer(std::string_view key, std::int64_t min, std::int64_t max);
  [[nodiscard]] chat::Timestamp timestamp(std::string_view key) { return integer(key, 0, kTimestampMax); }
  [[nodiscard]] std::optional<chat::Timestamp> optional_timestamp(std::string_view key) {
    return optional_integer(key, 0, kTimestampMax);
  }
  [[nodiscard]] bool boolean(std::string_view key, Presence presence = Presence::required);
  [[nodiscard]] std::optional<simdjson::dom::array> array(std::string_view key);
  [[nodiscard]] std::optional<simdjson::dom::object> object(std::string_view key);

  // The field "type", any string; nothing if it is absent or not a string.
  [[nodiscard]] std::optional<std::string_view> type(std::string_view allowed) {
    return string("type", Presence::required, allowed);
  }
  // {id, from, to, payload, at} of a message. With `stamps` optional, `id` is empty and `at` 0 where absent.
  [[nodiscard]] chat::MessageView message(Presence stamps);
  // Fails unless the object is an answer with "status":"success".
  void expect_success();

  [[nodiscard]] std::optional<simdjson::dom::element> find(std::string_view key) const;
  // Keeps the error if it is the first. The second form, bad_frame: "key" <problem>; it must be <allowed>.
  void fail(chat::Error error);
  void fail(std::string_view key, std::string_view problem, std::string_view allowed);
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  // Only after failed().
  [[nodiscard]] chat::Error take_error() { return std::move(*error_); }

 private:
  using Decimal = std::array<char, 20>;  // as many as the lowest integer has, with its sign

  std::optional<simdjson::dom::element> find(std::string_view key, Presence presence, std::string_view allowed);
  std::optional<std::string_view> string(std::string_view key, Presence presence, std::string_view allowed);
  std::optional<std::string_view> string_or_integer(std::string_view key, Presence presence, std::string_view allowed);
  template <class Container>
  std::optional<Container> container(std::string_view key, std::string_view allowed);
  std::string_view decimal(simdjson::dom::element integer);

  simdjson::dom::object object_;
  Null null_;
  std::optional<chat::Error> error_;
  std::array<Decimal, 2> decimals_;
  std::size_t decimals_used_ = 0;
};

// "is null", "is an array", ...: for messages about a value of the wrong type.
[[nodiscard]] std::string_view describe_type(simdjson::dom::element element);

// `text` cut to at most `bytes_max` bytes between two characters: for naming a client's value in a message.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t bytes_max);

// unknown_type, naming `type`.
[[nodiscard]] chat::Error unknown_type(std::string_view type, std::string_view allowed);

// `error` with the place that it is about before its message, e.g. "record 3: ".
[[nodiscard]] chat::Error error_at(std::string_view what, std::size_t index, const chat::Error& error);

// Reads each element of `array` as an object with `read(ObjectReader&)` and ends at the first problem, which it names
// `what` and its index.
template <class Read>
[[nodiscard]] chat::Result<void> read_objects(simdjson::dom::array array, std::string_view what, Read read) {
  std::size_t index = 0;
  for (const simdjson::dom::element element : array) {
    simdjson::dom::object object;
    if (element.get(object) != simdjson::SUCCESS) {
      std::string message(describe_type(element));
      return std::unexpected(
          error_at(what, index, {chat::ErrorCode::bad_frame, message.append("; it must be an object")}));
    }
    ObjectReader reader(object);
    read(reader);
    if (reader.failed()) return std::unexpected(error_at(what, index, reader.take_error()));
    ++index;
  }
  return {};
}

// Reads a body that is one object or an array of them, each with `read(ObjectReader&)`, as read_objects() does.
template <class Read>
[[nodiscard]] chat::Result<void> read_one_or_many(simdjson::dom::element body, std::string_view what, Read read) {
  simdjson::dom::array array;
  if (body.get(array) == simdjson::SUCCESS) return read_objects(array, what, read);
  simdjson::dom::object object;
  if (body.get(object) == simdjson::SUCCESS) {
    ObjectReader reader(object);
    read(reader);
    if (reader.failed()) return std::unexpected(reader.take_error());
    return {};
  }
  std::string message("the body ");
  message.append(describe_type(body)).append("; it must be an object or an array of objects");
  return chat::fail(chat::ErrorCode::bad_json, std::move(message));
}

// Parses `body` as one object and returns what `read(ObjectReader&)` makes of it, or its first problem.
template <class Read>
[[nodiscard]] auto parse_object_with(std::string_view body, Read read)
    -> chat::Result<decltype(read(std::declval<ObjectReader&>()))> {
  JsonDocument document;
  const auto object = document.parse_object(body);
  if (!object) return std::unexpected(object.error());
  ObjectReader reader(*object);
  auto value = read(reader);
  if (reader.failed()) return std::unexpected(reader.take_error());
  return value;
}

}  // namespace simplechat::wire

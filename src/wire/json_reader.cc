#include "wire/json_reader.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <new>
#include <utility>

#include "chat/ids.h"
#include "chat/limits.h"

namespace simplechat::wire {
namespace {

using chat::ErrorCode;
using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::string_view kUserForm = "a user id: 1 to 64 characters of A-Z a-z 0-9 . _ - @ +, or an integer";
constexpr std::string_view kAddressForm =
    "a user id (1 to 64 characters of A-Z a-z 0-9 . _ - @ +, or an integer) or a group address (# and 1 to 63 of them)";
constexpr std::string_view kMessageIdForm = "a string of 1 to 64 printable ASCII characters";

// What is wrong with a string that is no id of at most `bytes_max`.
std::string_view problem_of_id(std::string_view id, std::size_t bytes_max) {
  if (id.empty()) return "is empty";
  if (id.size() > bytes_max) return "is too long";
  return "holds a character that is not allowed or is incomplete";
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

std::string bytes_form(std::size_t bytes_min, std::size_t bytes_max, std::string_view unit) {
  return "a string of " + std::to_string(bytes_min) + " to " + std::to_string(bytes_max) + " " + std::string(unit);
}

}  // namespace

JsonDocument::JsonDocument() {
  constexpr std::size_t kBytesAtFirst = 4096;  // grows with the texts that come
  if (parser_.allocate(kBytesAtFirst, kNestingMax + 1) != simdjson::SUCCESS) throw std::bad_alloc();
}

chat::Result<element> JsonDocument::parse(std::string_view text) {
  if (text.empty()) return chat::fail(ErrorCode::bad_json, "there is no JSON: the text is empty");
  element root;
  const simdjson::error_code error = parser_.parse(text.data(), text.size()).get(root);
  if (error == simdjson::SUCCESS) return root;
  if (error == simdjson::MEMALLOC) return chat::fail(ErrorCode::internal, "out of memory for a JSON text");
  return chat::fail(ErrorCode::bad_json, std::string("not valid JSON: ") + simdjson::error_message(error));
}

chat::Result<simdjson::dom::object> JsonDocument::parse_object(std::string_view text) {
  const chat::Result<element> root = parse(text);
  if (!root) return std::unexpected(root.error());
  simdjson::dom::object object;
  if (root->get(object) == simdjson::SUCCESS) return object;
  return chat::fail(ErrorCode::bad_json,
                    "the JSON value " + std::string(describe_type(*root)) + "; it must be an object");
}

std::string_view ObjectReader::user(std::string_view key, Presence presence) {
  const auto id = string_or_integer(key, presence, kUserForm);
  if (!id) return {};
  if (chat::is_user_id(*id)) return *id;
  fail(key, problem_of_id(*id, chat::kUserIdBytesMax), kUserForm);
  return {};
}

std::string_view ObjectReader::address(std::string_view key, Presence presence) {
  const auto id = string_or_integer(key, presence, kAddressForm);
  if (!id) return {};
  if (chat::is_user_id(*id) || chat::is_group_address(*id)) return *id;
  fail(key, problem_of_id(*id, chat::kUserIdBytesMax), kAddressForm);
  return {};
}

std::string_view ObjectReader::message_id(std::string_view key, Presence presence) {
  const auto id = string(key, presence, kMessageIdForm);
  if (!id) return {};
  if (chat::is_message_id(*id)) return *id;
  fail(key, problem_of_id(*id, chat::kMessageIdBytesMax), kMessageIdForm);
  return {};
}

std::string_view ObjectReader::text(std::string_view key, std::size_t bytes_min, std::size_t bytes_max,
                                    Presence presence) {
  const auto value = string(key, presence, "a string");
  if (!value) return {};
  if (value->size() >= bytes_min && value->size() <= bytes_max) return *value;
  fail(key, value->size() < bytes_min ? "is too short" : "is too long", bytes_form(bytes_min, bytes_max, "bytes"));
  return {};
}

std::string_view ObjectReader::printable(std::string_view key, std::size_t bytes_min, std::size_t bytes_max,
                                         Presence presence) {
  const std::string_view value = text(key, bytes_min, bytes_max, presence);
  if (is_printable(value)) return value;
  fail(key, "holds a character that is not allowed", bytes_form(bytes_min, bytes_max, "printable ASCII characters"));
  return {};
}

std::string_view ObjectReader::payload(std::string_view key) {
  const auto value = string(key, Presence::required, "a non-empty string");
  if (!value) return {};
  if (value->empty()) {
    fail(key, "is empty", "a non-empty string");
    return {};
  }
  if (value->size() <= chat::limits::kPayloadBytesMax) return *value;
  fail({ErrorCode::too_large, "\"" + std::string(key) + "\" has " + std::to_string(value->size()) + " bytes; at most " +
                                  std::to_string(chat::limits::kPayloadBytesMax) + " are allowed"});
  return {};
}

std::int64_t ObjectReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  if (!find(key, Presence::required, "an integer")) return 0;
  return optional_integer(key, min, max).value_or(0);
}

std::optional<std::int64_t> ObjectReader::optional_integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const auto found = find(key);
  if (!found) return std::nullopt;
  std::int64_t value = 0;
  const simdjson::error_code error = found->get(value);
  if (error == simdjson::SUCCESS && value >= min && value <= max) return value;
  const bool is_integer = error != simdjson::INCORRECT_TYPE;
  fail(key,
       is_integer           ? "is out of range"
       : found->is_double() ? "is not an integer"
                            : describe_type(*found),
       "an integer from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

bool ObjectReader::boolean(std::string_view key, Presence presence) {
  const auto found = find(key, presence, "true or false");
  bool value = false;
  if (found && found->get(value) != simdjson::SUCCESS) fail(key, describe_type(*found), "true or false");
  return value;
}

std::optional<simdjson::dom::array> ObjectReader::array(std::string_view key) {
  return container<simdjson::dom::array>(key, "an array");
}

std::optional<simdjson::dom::object> ObjectReader::object(std::string_view key) {
  return container<simdjson::dom::object>(key, "an object");
}

chat::MessageView ObjectReader::message(Presence stamps) {
  return {.id = message_id("id", stamps),
          .from = user("from"),
          .to = address("to"),
          .payload = payload("payload"),
          .at = stamps == Presence::required ? timestamp("at") : optional_timestamp("at").value_or(0)};
}

void ObjectReader::expect_success() {
  const auto status = string("status", Presence::required, "\"success\"");
  if (status && *status != "success") fail("status", "is another", "\"success\"");
}

std::optional<element> ObjectReader::find(std::string_view key) const {
  element value;
  if (object_.at_key(key).get(value) != simdjson::SUCCESS) return std::nullopt;
  if (null_ == Null::is_absent && value.is_null()) return std::nullopt;
  return value;
}

void ObjectReader::fail(chat::Error error) {
  if (!error_) error_ = std::move(error);
}

void ObjectReader::fail(std::string_view key, std::string_view problem, std::string_view allowed) {
  if (error_) return;
  std::string message;
  message.append("\"").append(key).append("\" ").append(problem).append("; it must be ").append(allowed);
  error_ = chat::Error{ErrorCode::bad_frame, std::move(message)};
}

std::optional<element> ObjectReader::find(std::string_view key, Presence presence, std::string_view allowed) {
  const auto found = find(key);
  if (!found && presence == Presence::required) {
    fail(key, object_.at_key(key).error() == simdjson::SUCCESS ? "is null" : "is missing", allowed);
  }
  return found;
}

template <class Container>
std::optional<Container> ObjectReader::container(std::string_view key, std::string_view allowed) {
  const auto found = find(key, Presence::required, allowed);
  if (!found) return std::nullopt;
  Container value;
  if (found->get(value) == simdjson::SUCCESS) return value;
  fail(key, describe_type(*found), allowed);
  return std::nullopt;
}

std::optional<std::string_view> ObjectReader::string(std::string_view key, Presence presence,
                                                     std::string_view allowed) {
  const auto found = find(key, presence, allowed);
  if (!found) return std::nullopt;
  std::string_view value;
  if (found->get(value) == simdjson::SUCCESS) return value;
  fail(key, describe_type(*found), allowed);
  return std::nullopt;
}

std::optional<std::string_view> ObjectReader::string_or_integer(std::string_view key, Presence presence,
                                                                std::string_view allowed) {
  const auto found = find(key);
  if (found && (found->is_int64() || found->is_uint64())) return decimal(*found);
  return string(key, presence, allowed);
}

std::string_view ObjectReader::decimal(element integer) {
  assert(decimals_used_ < decimals_.size());
  Decimal& digits = decimals_[decimals_used_++];
  std::int64_t value = 0;
  std::uint64_t large = 0;  // only those beyond int64
  const char* end = integer.get(value) == simdjson::SUCCESS   ? std::to_chars(digits.begin(), digits.end(), value).ptr
                    : integer.get(large) == simdjson::SUCCESS ? std::to_chars(digits.begin(), digits.end(), large).ptr
                                                              : digits.begin();
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

std::string_view describe_type(element value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "is an array";
    case element_type::OBJECT:
      return "is an object";
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return "is a number";
    case element_type::STRING:
      return "is a string";
    case element_type::BOOL:
      return "is a boolean";
    case element_type::NULL_VALUE:
      return "is null";
  }
  return "is of an unknown type";
}

std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  while (bytes_max > 0 && continues(text[bytes_max])) --bytes_max;
  return text.substr(0, bytes_max);
}

chat::Error unknown_type(std::string_view type, std::string_view allowed) {
  constexpr std::size_t kNameBytesMax = 64;
  std::string message;
  message.append("the type \"").append(cut(type, kNameBytesMax)).append("\" is not known; it must be ").append(allowed);
  return {ErrorCode::unknown_type, std::move(message)};
}

chat::Error error_at(std::string_view what, std::size_t index, const chat::Error& error) {
  std::string message;
  message.append(what).append(" ").append(std::to_string(index)).append(": ").append(error.message);
  return {error.code, std::move(message)};
}

}  // namespace simplechat::wire

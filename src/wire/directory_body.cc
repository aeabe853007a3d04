#include "wire/directory_body.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "chat/ids.h"
#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

using chat::ErrorCode;

constexpr std::string_view kSuccess = R"({"status":"success"})";

void append_gateway(std::string& out, const chat::GatewayIdentity& gateway) {
  out.append(R"("gateway":{"url":)");
  append_json_string(out, gateway.url);
  out.append(R"(,"incarnation":)");
  append_json_string(out, gateway.incarnation);
  out.append("}");
}

// "name":[item,...], each item as `append` writes it.
template <class Items, class Append>
void append_array(std::string& out, std::string_view name, const Items& items, Append append) {
  append_json_string(out, name);
  out.append(":[");
  std::string_view separator;
  for (const auto& item : items) {
    out.append(std::exchange(separator, ","));
    append(item);
  }
  out.append("]");
}

bool is_gateway_url(std::string_view url) {
  const std::string_view scheme = url.starts_with("https://") ? "https://" : "http://";
  return url.starts_with(scheme) && url.size() > scheme.size() &&
         std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
}

chat::GatewayIdentity read_gateway(ObjectReader& body) {
  const auto object = body.object("gateway");
  if (!object) return {};
  ObjectReader reader(*object);
  chat::GatewayIdentity gateway{.url = std::string(reader.printable("url", 1, kGatewayUrlBytesMax)),
                                .incarnation = std::string(reader.printable("incarnation", 1, chat::kUserIdBytesMax))};
  if (!is_gateway_url(gateway.url))
    reader.fail("url", "is no gateway's", "http:// or https:// and a host without spaces");
  if (!chat::is_user_id(gateway.incarnation)) {
    reader.fail("incarnation", "holds a character that is not allowed", "of A-Z a-z 0-9 . _ - @ +");
  }
  if (reader.failed()) {
    const chat::Error error = reader.take_error();
    body.fail({error.code, "gateway: " + error.message});
  }
  return gateway;
}

chat::RecordChange read_change(ObjectReader& reader) {
  chat::RecordChange change{.user = std::string(reader.user("user")), .present = reader.boolean("present"), .fence = 0};
  const auto fence = reader.find("fence");
  if (!fence || fence->get(change.fence) != simdjson::SUCCESS) {
    reader.fail("fence", fence ? "is not valid" : "is missing", "an integer of 64 bits, not negative");
  }
  return change;
}

// The array in field `key`, of at most kDirectoryBatchMax elements; an empty one if it is not valid.
std::optional<simdjson::dom::array> read_batch(ObjectReader& reader, std::string_view key) {
  const auto array = reader.array(key);
  if (!array || array->size() <= kDirectoryBatchMax) return array;
  reader.fail({ErrorCode::too_large,
               "\"" + std::string(key) + "\" has more than " + std::to_string(kDirectoryBatchMax) + " elements"});
  return std::nullopt;
}

void read_urls(ObjectReader& reader, simdjson::dom::element gateways, chat::Locations& locations) {
  simdjson::dom::array array;
  if (gateways.get(array) != simdjson::SUCCESS) {
    reader.fail("gateways", "holds a value that is no array", "arrays of strings");
    return;
  }
  for (const simdjson::dom::element element : array) {
    std::string_view url;
    if (element.get(url) != simdjson::SUCCESS)
      reader.fail("gateways", "holds a url that is no string", "arrays of strings");
    locations.add_gateway(url);
  }
}

// Absent in the answers of an sv-discover of before.
chat::Timestamp read_now(ObjectReader& reader) { return reader.optional_timestamp("now").value_or(0); }

}  // namespace

std::string encode_renew(const chat::GatewayIdentity& gateway, std::chrono::milliseconds lease) {
  std::string out = "{";
  append_gateway(out, gateway);
  out.append(R"(,"leaseMs":)");
  append_json_integer(out, lease.count());
  return out.append("}");
}

chat::Result<RenewRequest> parse_renew(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    return RenewRequest{
        .gateway = read_gateway(reader),
        .lease = std::chrono::milliseconds(reader.integer("leaseMs", kLeaseMin.count(), kLeaseMax.count()))};
  });
}

std::string encode_apply(const chat::GatewayIdentity& gateway, std::span<const chat::RecordChange> changes) {
  std::string out = "{";
  append_gateway(out, gateway);
  out.append(",");
  append_array(out, "changes", changes, [&out](const chat::RecordChange& change) {
    out.append(R"({"user":)");
    append_json_string(out, change.user);
    out.append(change.present ? R"(,"present":true,"fence":)" : R"(,"present":false,"fence":)");
    out.append(std::to_string(change.fence)).append("}");
  });
  return out.append("}");
}

chat::Result<ApplyRequest> parse_apply(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    ApplyRequest request{.gateway = read_gateway(reader), .changes = {}};
    const auto changes = read_batch(reader, "changes");
    if (!changes) return request;
    const auto read =
        read_objects(*changes, "change", [&](ObjectReader& change) { request.changes.push_back(read_change(change)); });
    if (!read) reader.fail(read.error());
    return request;
  });
}

std::string encode_locate(std::span<const std::string> users) {
  std::string out = "{";
  append_array(out, "users", users, [&out](const std::string& user) { append_json_string(out, user); });
  return out.append("}");
}

chat::Result<std::vector<std::string>> parse_locate(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    std::vector<std::string> users;
    const auto array = read_batch(reader, "users");
    if (!array) return users;
    for (const simdjson::dom::element element : *array) {
      std::string_view user;
      if (element.get(user) != simdjson::SUCCESS || !chat::is_user_id(user)) {
        reader.fail("users", "holds a value that is no user id", "user ids alone, as strings");
      }
      users.emplace_back(user);
    }
    return users;
  });
}

std::string encode_close(const chat::GatewayIdentity& gateway) {
  std::string out = "{";
  append_gateway(out, gateway);
  return out.append("}");
}

chat::Result<chat::GatewayIdentity> parse_close(std::string_view body) { return parse_object_with(body, read_gateway); }

chat::Result<KeyValue> parse_set(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    return KeyValue{.key = std::string(reader.user("key")),
                    .value = std::string(reader.printable("value", 1, kGatewayUrlBytesMax))};
  });
}

chat::Result<std::string> parse_del(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) { return std::string(reader.user("key")); });
}

std::string encode_success() { return std::string(kSuccess); }

std::string encode_applied(chat::Timestamp now) {
  std::string out = R"({"status":"success","now":)";
  append_json_integer(out, now);
  return out += '}';
}

chat::Result<chat::Timestamp> parse_applied(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    reader.expect_success();
    return read_now(reader);
  });
}

std::string encode_lease_state(const chat::LeaseState& state) {
  std::string out = R"({"status":"success","opening":)";
  append_json_string(out, state.opening);
  out.append(R"(,"deaths":)");
  append_json_integer(out, state.deaths);
  out.append(R"(,"now":)");
  append_json_integer(out, state.now);
  return out += '}';
}

chat::Result<chat::LeaseState> parse_lease_state(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    reader.expect_success();
    return chat::LeaseState{.opening = std::string(reader.printable("opening", 1, kOpeningBytesMax)),
                            .deaths = reader.optional_integer("deaths", 0, kTimestampMax).value_or(0),
                            .now = read_now(reader)};
  });
}

std::string encode_locations(const chat::Locations& locations) {
  std::string out = R"({"status":"success",)";
  append_array(out, "gateways", std::views::iota(std::size_t{0}, locations.size()), [&](std::size_t user) {
    out.append("[");
    std::string_view separator;
    for (const std::string& url : locations.of(user)) {
      out.append(std::exchange(separator, ","));
      append_json_string(out, url);
    }
    out.append("]");
  });
  return out.append("}");
}

chat::Result<chat::Locations> parse_locations(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    reader.expect_success();
    chat::Locations locations;
    const auto array = read_batch(reader, "gateways");
    if (!array) return locations;
    for (const simdjson::dom::element element : *array) {
      locations.add_user();
      read_urls(reader, element, locations);
    }
    return locations;
  });
}

std::string encode_value(const std::string* url_or_null) {
  std::string out = R"({"status":"success","value":)";
  if (url_or_null != nullptr) {
    append_json_string(out, *url_or_null);
  } else {
    out.append("null");
  }
  return out.append("}");
}

}  // namespace simplechat::wire

#include "wire/hook_body.h"

#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

constexpr std::size_t kReasonBytesMax = 4096;

bool read_allow(ObjectReader& reader) {
  if (!reader.find("allow")) reader.fail("allow", "is missing", "true or false");
  return reader.boolean("allow");
}

std::string read_reason(ObjectReader& reader) {
  return std::string(reader.text("reason", 0, kReasonBytesMax, Presence::optional));
}

}  // namespace

std::string encode_connect_request(const chat::ConnectRequest& request) {
  std::string out = R"({"user":)";
  append_json_string(out, request.user);
  out.append(R"(,"token":)");
  append_json_string(out, request.token);
  out.append(R"(,"remoteAddress":)");
  append_json_string(out, request.remote_address);
  return out.append("}");
}

chat::Result<ConnectAnswer> parse_connect_answer(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    return ConnectAnswer{.allow = read_allow(reader),
                         .user = std::string(reader.user("user", Presence::optional)),
                         .reason = read_reason(reader)};
  });
}

std::string encode_send_request(const chat::MessageView& message) {
  std::string out = R"({"from":)";
  append_json_string(out, message.from);
  out.append(R"(,"to":)");
  append_json_string(out, message.to);
  out.append(R"(,"id":)");
  append_json_string(out, message.id);
  out.append(R"(,"payload":)");
  append_json_string(out, message.payload);
  return out.append("}");
}

chat::Result<SendAnswer> parse_send_answer(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    SendAnswer answer{.allow = read_allow(reader), .reason = read_reason(reader)};
    if (reader.find("payload")) answer.payload = reader.payload("payload");
    return answer;
  });
}

}  // namespace simplechat::wire

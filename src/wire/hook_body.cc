#include "wire/hook_body.h"

#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

constexpr std::size_t kReasonBytesMax = 4096;

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

chat::Result<HookAnswer> parse_hook_answer(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    if (!reader.find("allow")) reader.fail("allow", "is missing", "true or false");
    return HookAnswer{.allow = reader.boolean("allow"),
                      .user = std::string(reader.user("user", Presence::optional)),
                      .reason = std::string(reader.text("reason", 0, kReasonBytesMax, Presence::optional))};
  });
}

}  // namespace simplechat::wire

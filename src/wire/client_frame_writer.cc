#include "wire/client_frame_writer.h"

#include "wire/json.h"

namespace simplechat::wire::client {
namespace {

// `,"name":"text"`
void append_field(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

void append_field(std::string& out, std::string_view name, std::int64_t value) {
  out.append(",\"").append(name).append("\":");
  append_json_integer(out, value);
}

}  // namespace

void append_register(std::string& out, std::string_view from, std::string_view token) {
  out.append(R"({"type":"register")");
  append_field(out, "from", from);
  if (!token.empty()) append_field(out, "token", token);
  out.append("}");
}

void append_normal(std::string& out, std::string_view to, std::string_view id, std::string_view payload) {
  out.append(R"({"type":"normal")");
  append_field(out, "to", to);
  append_field(out, "id", id);
  append_field(out, "payload", payload);
  out.append("}");
}

void append_typing(std::string& out, std::string_view to) {
  out.append(R"({"type":"typing")");
  append_field(out, "to", to);
  out.append("}");
}

void append_mark(std::string& out, chat::MarkKind kind, std::string_view with, chat::Timestamp at) {
  out.append(kind == chat::MarkKind::read ? R"({"type":"read")" : R"({"type":"received")");
  append_field(out, "with", with);
  append_field(out, "at", at);
  out.append("}");
}

void append_history(std::string& out, std::string_view ref, std::string_view with,
                    std::optional<chat::Timestamp> before, int limit) {
  out.append(R"({"type":"history")");
  append_field(out, "ref", ref);
  append_field(out, "with", with);
  if (before) append_field(out, "before", *before);
  append_field(out, "limit", std::int64_t{limit});
  out.append("}");
}

void append_sync(std::string& out, std::string_view ref, std::string_view cursor, int limit) {
  out.append(R"({"type":"sync")");
  append_field(out, "ref", ref);
  if (!cursor.empty()) append_field(out, "cursor", cursor);
  append_field(out, "limit", std::int64_t{limit});
  out.append("}");
}

void append_sync_latest(std::string& out, std::string_view ref) {
  out.append(R"({"type":"sync")");
  append_field(out, "ref", ref);
  out.append(R"(,"latest":true})");
}

void append_ping(std::string& out, std::string_view ref) {
  out.append(R"({"type":"ping")");
  append_field(out, "ref", ref);
  out.append("}");
}

}  // namespace simplechat::wire::client

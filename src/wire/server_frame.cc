#include "wire/server_frame.h"

#include "wire/json.h"
#include "wire/message_json.h"

namespace simplechat::wire {
namespace {

void append_ref(std::string& out, std::string_view ref) {
  if (!ref.empty()) out.append(R"("ref":)").append(ref).append(",");
}

}  // namespace

void append_registered(std::string& out, std::string_view user, std::string_view session, chat::Timestamp at) {
  out.append(R"({"type":"registered","user":)");
  append_json_string(out, user);
  out.append(R"(,"session":)");
  append_json_string(out, session);
  out.append(R"(,"at":)");
  append_json_integer(out, at);
  out.append("}");
}

void append_unregistered(std::string& out) { out.append(R"({"type":"unregistered"})"); }

void append_ack(std::string& out, std::string_view id, std::string_view to, chat::Timestamp at) {
  out.append(R"({"type":"ack","id":)");
  append_json_string(out, id);
  out.append(R"(,"to":)");
  append_json_string(out, to);
  out.append(R"(,"at":)");
  append_json_integer(out, at);
  out.append("}");
}

void append_normal(std::string& out, const chat::MessageView& message) {
  out.append(R"({"type":"normal",)");
  append_message_members(out, message);
  out.append("}");
}

std::optional<NormalIds> normal_ids(std::string_view frame) {
  // A quote within a value has a backslash before it, so what stands between these is a value as a whole.
  const auto take = [&frame](std::string_view begin, std::string_view end) -> std::optional<std::string_view> {
    if (!frame.starts_with(begin)) return std::nullopt;
    const std::size_t at = frame.find(end, begin.size());
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view value = frame.substr(begin.size(), at - begin.size());
    frame.remove_prefix(at);
    return value;
  };
  const auto id = take(R"({"type":"normal","id":")", R"(","from":")");
  const auto from = id ? take(R"(","from":")", R"(","to":")") : std::nullopt;
  const auto to = from ? take(R"(","to":")", R"(","payload":)") : std::nullopt;
  if (!to) return std::nullopt;
  return NormalIds{.id = *id, .from = *from, .to = *to};
}

void append_typing(std::string& out, std::string_view from, std::string_view to) {
  out.append(R"({"type":"typing","from":)");
  append_json_string(out, from);
  out.append(R"(,"to":)");
  append_json_string(out, to);
  out.append("}");
}

void append_mark(std::string& out, const chat::Mark& mark) {
  out.append(mark.kind == chat::MarkKind::read ? R"({"type":"read","from":)" : R"({"type":"received","from":)");
  append_json_string(out, mark.user);
  out.append(R"(,"with":)");
  append_json_string(out, mark.with);
  out.append(R"(,"at":)");
  append_json_integer(out, mark.at);
  out.append("}");
}

void append_resync(std::string& out) { out.append(R"({"type":"resync"})"); }

void append_draining(std::string& out, std::int64_t after_ms) {
  out.append(R"({"type":"draining","afterMs":)");
  append_json_integer(out, after_ms);
  out.append("}");
}

void append_error(std::string& out, const chat::Error& error, std::string_view id, std::string_view ref,
                  std::int64_t retry_ms) {
  out.append(R"({"type":"error","code":")").append(to_string(error.code)).append(R"(","message":)");
  append_json_string(out, error.message);
  if (!id.empty()) {
    out.append(R"(,"id":)");
    append_json_string(out, id);
  }
  if (!ref.empty()) out.append(R"(,"ref":)").append(ref);
  if (retry_ms >= 0) {
    out.append(R"(,"retryMs":)");
    append_json_integer(out, retry_ms);
  }
  out.append("}");
}

void append_pong(std::string& out, std::string_view ref, chat::Timestamp at) {
  out.append(R"({"type":"pong",)");
  append_ref(out, ref);
  out.append(R"("at":)");
  append_json_integer(out, at);
  out.append("}");
}

void append_history(std::string& out, std::string_view ref, std::string_view with, const chat::HistoryPage& page) {
  out.append(R"({"type":"history",)");
  append_ref(out, ref);
  append_history_members(out, with, page);
  out.append("}");
}

void append_sync(std::string& out, std::string_view ref, const chat::SyncPage& page) {
  out.append(R"({"type":"sync",)");
  append_ref(out, ref);
  append_sync_members(out, page);
  out.append("}");
}

void append_conversations(std::string& out, std::string_view ref, const chat::ConversationsPage& page) {
  out.append(R"({"type":"conversations",)");
  append_ref(out, ref);
  append_conversations_members(out, page);
  out.append("}");
}

}  // namespace simplechat::wire

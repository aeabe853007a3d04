#include "wire/block_body.h"

#include "chat/ids.h"
#include "wire/changes_body.h"
#include "wire/json.h"
#include "wire/json_reader.h"

namespace simplechat::wire {
namespace {

chat::BlockChange read_change(ObjectReader& reader) {
  chat::BlockChange change{.user = std::string(reader.user("user")),
                           .blocked = std::string(reader.user("blocked")),
                           .present = reader.boolean("present")};
  if (reader.failed()) return change;
  if (auto checked = check_block(change.user, change.blocked); !checked) reader.fail(std::move(checked).error());
  return change;
}

std::vector<chat::BlockChange> read_changes(ObjectReader& reader) {
  std::vector<chat::BlockChange> changes;
  const auto entries = reader.array("changes");
  if (!entries) return changes;
  if (entries->size() > chat::kBlockChangesPerCallMax) {
    reader.fail(chat::too_many_block_changes().error());
    return changes;
  }
  const auto read = read_objects(*entries, "change", [&](ObjectReader& each) { changes.push_back(read_change(each)); });
  if (!read) reader.fail(read.error());
  return changes;
}

void append_changes(std::string& out, std::span<const chat::BlockChange> changes) {
  out.append(R"("changes":[)");
  for (const chat::BlockChange& change : changes) {
    out.append(out.back() == '[' ? R"({"user":)" : R"(,{"user":)");
    append_json_string(out, change.user);
    out.append(R"(,"blocked":)");
    append_json_string(out, change.blocked);
    append_flag(out, "present", change.present);
    out.push_back('}');
  }
  out.push_back(']');
}

}  // namespace

chat::Result<void> check_block(std::string_view user, std::string_view blocked) {
  if (!chat::is_user_id(user) || !chat::is_user_id(blocked)) {
    return chat::fail(chat::ErrorCode::bad_frame, "who blocks and who is blocked must be user ids");
  }
  if (user == blocked) return chat::fail(chat::ErrorCode::bad_frame, "nobody can block himself");
  return {};
}

std::string encode_blocked(std::string_view user, std::span<const std::string> blocked) {
  std::string out = R"({"status":"success","user":)";
  append_json_string(out, user);
  out.append(R"(,"blocked":[)");
  for (const std::string& each : blocked) {
    if (out.back() != '[') out.push_back(',');
    append_json_string(out, each);
  }
  return out.append("]}");
}

std::string encode_block(std::span<const chat::BlockChange> changes) {
  std::string out = "{";
  append_changes(out, changes);
  return out.append("}");
}

chat::Result<std::vector<chat::BlockChange>> parse_block(std::string_view body) {
  return parse_object_with(body, read_changes);
}

std::string encode_block_changes(const chat::BlockChanges& changes) {
  std::string out = begin_changes(changes.version);
  append_flag(out, "all", changes.all);
  append_flag(out, "lost", changes.lost);
  append_flag(out, "more", changes.more);
  out.append(",");
  append_changes(out, changes.changes);
  return out.append("}");
}

chat::Result<chat::BlockChanges> parse_block_changes(std::string_view body) {
  return parse_object_with(body, [](ObjectReader& reader) {
    reader.expect_success();
    chat::BlockChanges changes{.version = std::string(reader.printable("version", 1, kChangesVersionBytesMax)),
                               .all = reader.boolean("all"),
                               .lost = reader.boolean("lost"),
                               .more = reader.boolean("more")};
    changes.changes = read_changes(reader);
    return changes;
  });
}

}  // namespace simplechat::wire

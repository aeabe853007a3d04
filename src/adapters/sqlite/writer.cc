#include "adapters/sqlite/writer.h"

#include "chat/ids.h"

namespace simplechat::adapters::sqlite {

Writer::Writer(Database& database, RecentMessages& recent)
    : database_(database),
      recent_(recent),
      indexer_(database, recent),
      begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      find_conversation_(database, "SELECT id FROM conversation WHERE key = ?1"),
      add_conversation_(database, "INSERT INTO conversation (key) VALUES (?1)"),
      add_member_(database, "INSERT INTO member (user, conversation) VALUES (?1, ?2) ON CONFLICT DO NOTHING"),
      add_message_(database,
                   "INSERT INTO message (conversation, sender, id, at, payload) VALUES (?1, ?2, ?3, ?4, ?5) "
                   "ON CONFLICT (id, conversation, sender) DO NOTHING"),
      raise_received_(database,
                      "INSERT INTO mark (conversation, user, received_at, read_at) VALUES (?1, ?2, ?3, 0) "
                      "ON CONFLICT DO UPDATE SET received_at = excluded.received_at "
                      "WHERE excluded.received_at > received_at"),
      raise_read_(database,
                  "INSERT INTO mark (conversation, user, received_at, read_at) VALUES (?1, ?2, 0, ?3) "
                  "ON CONFLICT DO UPDATE SET read_at = excluded.read_at WHERE excluded.read_at > read_at") {}

chat::Result<void> Writer::append(const chat::RecordBatch& batch, Database::Deadline deadline) {
  database_.set_deadline(deadline);
  begin_.execute();
  for (const chat::MessageView& message : batch.messages) store(message);
  for (const chat::Mark& mark : batch.marks) raise(mark);
  indexer_.go_on(batch.messages.size());
  commit_.execute();
  if (!database_.failed()) {
    recent_.show();
    indexer_.committed();
    return {};
  }
  forget();  // it may remember what was just rolled back
  recent_.forget_unshown();
  indexer_.rolled_back();
  return chat::fail(chat::ErrorCode::unavailable, "writing the message store failed: " + database_.take_failure());
}

void Writer::store(const chat::MessageView& message) {
  const std::int64_t conversation = conversation_of(message.from, message.to);
  if (chat::is_group_address(message.to)) join(conversation, message.to, message.from);
  add_message_.execute(conversation, message.from, message.id, message.at, Blob{message.payload});
  if (database_.changes() == 0) return;  // a repeat
  recent_.add(conversation, {.seq = database_.last_insert_id(), .at = message.at, .sender = std::string(message.from)});
}

void Writer::raise(const chat::Mark& mark) {
  Statement& raise = mark.kind == chat::MarkKind::read ? raise_read_ : raise_received_;
  raise.execute(conversation_of(mark.user, mark.with), mark.user, mark.at);
}

std::int64_t Writer::conversation_of(std::string_view from, std::string_view to) {
  const std::string key = chat::conversation_key(from, to);
  if (const auto known = conversations_.find(key); known != conversations_.end()) return known->second;
  if (conversations_.size() >= kRemembered) conversations_.clear();
  const std::int64_t id = add_conversation(key, from, to);
  conversations_.emplace(key, id);
  return id;
}

std::int64_t Writer::add_conversation(const std::string& key, std::string_view from, std::string_view to) {
  {
    Rows found = find_conversation_.rows(key);
    if (found.next()) return found.integer(0);
  }
  add_conversation_.execute(key);
  const std::int64_t id = database_.last_insert_id();
  if (!chat::is_group_address(to)) {
    add_member_.execute(from, id);
    add_member_.execute(to, id);
  }
  return id;
}

void Writer::join(std::int64_t conversation, std::string_view group, std::string_view user) {
  std::string member = std::string(group).append(1, ',').append(user);
  if (group_members_.contains(member)) return;
  if (group_members_.size() >= kRemembered) group_members_.clear();
  add_member_.execute(user, conversation);
  group_members_.insert(std::move(member));
}

void Writer::forget() {
  conversations_.clear();
  group_members_.clear();
}

}  // namespace simplechat::adapters::sqlite

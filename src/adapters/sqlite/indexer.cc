#include "adapters/sqlite/indexer.h"

#include <utility>

namespace simplechat::adapters::sqlite {

std::unique_ptr<RecentMessages> load_recent(Database& database, std::size_t generation_messages) {
  Statement find_first(database, "SELECT from_seq FROM unindexed");
  Statement read(database, "SELECT seq, conversation, at, sender FROM message WHERE seq >= ?1 ORDER BY seq");
  std::int64_t first = 0;
  {
    Rows rows = find_first.rows();
    if (!rows.next()) database.refuse("it does not say which of its messages are indexed");
    first = rows.integer(0);
  }
  auto recent = std::make_unique<RecentMessages>(first, generation_messages);
  {
    Rows rows = read.rows(first);
    while (rows.next()) {
      recent->add(rows.integer(1),
                  {.seq = rows.integer(0), .at = rows.integer(2), .sender = std::string(rows.bytes(3))});
    }
  }
  if (database.failed()) database.refuse(database.take_failure());
  recent->show();
  return recent;
}

// A generation may be begun again after a restart, so what is there already is no error.
Indexer::Indexer(Database& database, RecentMessages& recent)
    : recent_(recent),
      add_at_(database,
              "INSERT INTO entry_at (conversation, at, seq, sender) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"),
      add_seq_(database, "INSERT INTO entry_seq (conversation, seq) VALUES (?1, ?2) ON CONFLICT DO NOTHING"),
      set_from_(database, "UPDATE unindexed SET from_seq = ?1") {}

void Indexer::go_on(std::size_t messages) {
  if (generation_ == nullptr) {
    generation_ = recent_.to_index();
    if (generation_ == nullptr) return;
    conversations_ = generation_->conversations();
    place_ = committed_place_ = {};
  }
  for (std::size_t count = kPerMessage * messages; count > 0 && !done();) index_conversation(count);
  if (done()) set_from_.execute(recent_.next_first());
}

// As many messages of the conversation at place_ as `count` has left.
void Indexer::index_conversation(std::size_t& count) {
  const std::int64_t conversation = conversations_[place_.conversation];
  const std::vector<RecentMessage>& messages = generation_->all_of(conversation);
  for (; count > 0 && place_.message < messages.size(); --count, ++place_.message) {
    const RecentMessage& message = messages[place_.message];
    add_at_.execute(conversation, message.at, message.seq, message.sender);
    add_seq_.execute(conversation, message.seq);
  }
  if (place_.message == messages.size()) place_ = {.conversation = place_.conversation + 1, .message = 0};
}

void Indexer::committed() {
  committed_place_ = place_;
  if (!done()) return;
  recent_.drop_indexed();
  generation_.reset();
  conversations_.clear();
}

}  // namespace simplechat::adapters::sqlite

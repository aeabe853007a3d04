// Moves the older of the recent messages into the tables by conversation, some with each append, so that no append
// waits for many of them. On the writer thread, within its transactions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/recent_messages.h"

namespace simplechat::adapters::sqlite {

// Reads into a new RecentMessages what the tables do not hold. Throws std::runtime_error if that can't be done.
[[nodiscard]] std::unique_ptr<RecentMessages> load_recent(Database& database, std::size_t generation_messages);

class Indexer {
 public:
  Indexer(Database& database, RecentMessages& recent);

  // Within a transaction that appends `messages`: indexes about twice as many, so that it is through with one
  // generation before the next is full.
  void go_on(std::size_t messages);
  // How that transaction ended.
  void committed();
  void rolled_back() { place_ = committed_place_; }

 private:
  static constexpr std::size_t kPerMessage = 2;

  struct Place {
    std::size_t conversation = 0;  // in conversations_
    std::size_t message = 0;       // in messages_
  };

  void index_conversation(std::size_t& count);
  [[nodiscard]] bool done() const { return generation_ != nullptr && place_.conversation == conversations_.size(); }

  RecentMessages& recent_;
  Statement add_at_;
  Statement add_seq_;
  Statement set_from_;

  std::shared_ptr<const Generation> generation_;  // being indexed, if any
  std::vector<std::int64_t> conversations_;       // its conversations, in the order of the tables
  Place place_;
  Place committed_place_;
};

}  // namespace simplechat::adapters::sqlite

// The latest messages by conversation, in memory: what the tables `entry_at` and `entry_seq` do not hold yet.
//
// An index by conversation costs a random page, or two, for each message that is written as it comes: five times what
// the message itself costs. So messages are indexed later and many at a time, in the order of their conversations,
// where one page takes many. Until then they are found here. Generations follow one another: the latest fills; the one
// before, if there is one, is being indexed, some of it with each append, and is dropped when all of it is.
//
// The writer thread adds and drops; any thread may take a view, which stays what it was.
//
// Bound: about twice kGenerationMessages, some 100 bytes each.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chat/message.h"

namespace simplechat::adapters::sqlite {

struct RecentMessage {
  std::int64_t seq;
  chat::Timestamp at;
  std::string sender;
};

// Messages whose seqs follow one another. add() is called on the writer thread, of() and next() on any.
class Generation {
 public:
  void add(std::int64_t conversation, RecentMessage message);
  // By seq, up to `until`.
  [[nodiscard]] std::vector<RecentMessage> of(std::int64_t conversation, std::int64_t until) const;
  [[nodiscard]] std::optional<std::int64_t> next(std::int64_t conversation, std::int64_t after,
                                                 std::int64_t until) const;
  [[nodiscard]] std::size_t size() const { return size_; }  // on the writer thread

  // Of a generation to which nothing is added any more.
  [[nodiscard]] std::vector<std::int64_t> conversations() const;  // in ascending order
  [[nodiscard]] const std::vector<RecentMessage>& all_of(std::int64_t conversation) const {
    return messages_.at(conversation);
  }

 private:
  mutable std::mutex mutex_;
  boost::unordered_flat_map<std::int64_t, std::vector<RecentMessage>> messages_;  // guarded by mutex_
  std::size_t size_ = 0;
};

// The recent messages as they were at one moment: those with first <= seq <= until. What has a smaller seq is in the
// index, also in any later snapshot of it; what has a greater one is not to be looked at.
class RecentView {
 public:
  RecentView() = default;
  RecentView(std::vector<std::shared_ptr<const Generation>> generations, std::int64_t first, std::int64_t until)
      : generations_(std::move(generations)), first_(first), until_(until) {}

  [[nodiscard]] std::int64_t first() const { return first_; }
  [[nodiscard]] std::int64_t until() const { return until_; }
  // By seq.
  [[nodiscard]] std::vector<RecentMessage> of(std::int64_t conversation) const;
  // The seq of the first one behind `after`.
  [[nodiscard]] std::optional<std::int64_t> next(std::int64_t conversation, std::int64_t after) const;

 private:
  std::vector<std::shared_ptr<const Generation>> generations_;  // oldest first
  std::int64_t first_ = 0;
  std::int64_t until_ = 0;
};

class RecentMessages {
 public:
  static constexpr std::size_t kGenerationMessages = 65'536;

  // `first`: the seq from which on messages are not indexed.
  RecentMessages(std::int64_t first, std::size_t generation_messages)
      : generation_messages_(generation_messages), first_(first), until_(first - 1) {}

  // On the writer thread. What was added is shown to views from the next show() on.
  void add(std::int64_t conversation, RecentMessage message);
  void show();
  void forget_unshown() { unshown_.clear(); }

  // The generation to be indexed, if there is one: the same until dropped(). On the writer thread.
  [[nodiscard]] std::shared_ptr<const Generation> to_index();
  // The seq from which on messages are not indexed when that generation is.
  [[nodiscard]] std::int64_t next_first() const { return filling_first_; }
  // It is in the index, committed.
  void drop_indexed();

  [[nodiscard]] RecentView view() const;

 private:
  struct Unshown {
    std::int64_t conversation;
    RecentMessage message;
  };

  const std::size_t generation_messages_;
  std::vector<Unshown> unshown_;
  mutable std::mutex mutex_;
  std::shared_ptr<Generation> indexed_;  // being it; guarded by mutex_, as the others
  std::shared_ptr<Generation> filling_ = std::make_shared<Generation>();
  std::int64_t first_;
  std::int64_t filling_first_ = first_;  // the writer thread's
  std::int64_t until_;
};

}  // namespace simplechat::adapters::sqlite

// Where a page of messages or conversations ends: at the limit asked for, or before its payloads would exceed
// kPageBytesMax. What the stores that collect their pages message by message have in common; the one in PostgreSQL says
// the same in SQL.
//
// A value, made for one page.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "chat/message_store.h"

namespace simplechat::chat {

class PageBounds {
 public:
  // `limit`: of the query.
  explicit PageBounds(int limit) : limit_(static_cast<std::size_t>(std::clamp(limit, 1, kPageSizeMax))) {}

  // Asked about one message after the other, in the page's direction: whether it may be of the page. After the first
  // false, the page consists of the first size() messages, which may leave out some that were taken, and there are
  // more.
  //
  // Messages of one `group` follow one another and are of one page: their `at`, where the next page is asked for by an
  // `at`; a number of its own for each message, where it is asked for by a cursor. The first group is taken whole.
  [[nodiscard]] bool take(std::int64_t group, std::size_t payload_bytes) {
    if (size_ > 0 && group != group_) {
      if (size_ >= limit_) return false;
      group_begin_ = size_;
    }
    group_ = group;
    bytes_ += payload_bytes;
    if (group_begin_ > 0 && bytes_ > kPageBytesMax) {
      size_ = group_begin_;
      return false;
    }
    ++size_;
    return true;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t limit_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::int64_t group_ = 0;
  std::size_t group_begin_ = 0;  // messages before the last group
};

}  // namespace simplechat::chat

// A chat message, and a batch of them in one arena.
//
// MessageBatch is the one form in which messages travel between threads, to the queue, to the store and back: appending
// copies the bytes once, clear() keeps the capacity, so that a batch that is used again allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace simplechat::chat {

// Microseconds since the Unix epoch, drawn from a HybridLogicalClock. Fits a JavaScript safe integer (2^53) until the
// year 2255.
using Timestamp = std::int64_t;

// The views are valid as long as the batch or buffer that they were taken from is unchanged.
struct MessageView {
  std::string_view id;
  std::string_view from;
  std::string_view to;  // a user id or a group address
  std::string_view payload;
  Timestamp at = 0;

  bool operator==(const MessageView&) const = default;
};

struct Message {
  std::string id;
  std::string from;
  std::string to;
  std::string payload;
  Timestamp at = 0;

  [[nodiscard]] MessageView view() const { return {id, from, to, payload, at}; }
};

class MessageBatch {
 public:
  void add(const MessageView& message);
  void clear() {
    bytes_.clear();
    entries_.clear();
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  // Sum of all ids, addresses and payloads in the batch.
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }

  [[nodiscard]] MessageView operator[](std::size_t index) const;

  class Iterator {
   public:
    using value_type = MessageView;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const MessageBatch* batch, std::size_t index) : batch_(batch), index_(index) {}
    MessageView operator*() const { return (*batch_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++index_;
      return before;
    }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

   private:
    const MessageBatch* batch_ = nullptr;
    std::size_t index_ = 0;
  };
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, entries_.size()}; }

 private:
  struct Entry {
    std::size_t offset;  // id, from, to and payload follow one another in bytes_
    std::uint8_t id_bytes;
    std::uint8_t from_bytes;
    std::uint8_t to_bytes;
    std::uint32_t payload_bytes;
    Timestamp at;
  };

  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace simplechat::chat

// Own messages that are not acked yet, in the order of their writing. Sans I/O.
//
// Bounded by kMessagesMax and kBytesMax: beyond, has_room() is false and whoever writes waits. A message is known by
// its recipient and id, as the contract has it.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "chat/message.h"
#include "chat_client/events.h"

namespace simplechat::chat_client {

class Outbox {
 public:
  static constexpr std::size_t kMessagesMax = 256;
  static constexpr std::size_t kBytesMax = std::size_t{1024} * 1024;  // of payload; one message always fits

  struct Entry {
    chat::Message message;  // `at` is 0
    Instant taken_at;
    bool sent = false;  // on the present connection
  };

  [[nodiscard]] bool has_room() const { return entries_.size() < kMessagesMax && bytes_ < kBytesMax; }
  // False if it is in there already.
  bool add(chat::Message message, Instant now);
  // The message, taken out; nothing if it is not in there. Without `to` the oldest one of that id: an error names no
  // recipient.
  std::optional<chat::Message> settle(std::string_view id, std::string_view to);
  [[nodiscard]] bool contains(std::string_view id, std::string_view to) const;

  // All are to be sent again, or one is.
  void unsend_all();
  void unsend(std::string_view id);

  [[nodiscard]] std::deque<Entry>& entries() { return entries_; }
  [[nodiscard]] const std::deque<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace simplechat::chat_client

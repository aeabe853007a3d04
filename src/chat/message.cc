#include "chat/message.h"

#include <cassert>

namespace simplechat::chat {

void MessageBatch::add(const MessageView& message) {
  assert(message.id.size() <= UINT8_MAX && message.from.size() <= UINT8_MAX && message.to.size() <= UINT8_MAX &&
         message.payload.size() <= UINT32_MAX);
  entries_.push_back({.offset = bytes_.size(),
                      .id_bytes = static_cast<std::uint8_t>(message.id.size()),
                      .from_bytes = static_cast<std::uint8_t>(message.from.size()),
                      .to_bytes = static_cast<std::uint8_t>(message.to.size()),
                      .payload_bytes = static_cast<std::uint32_t>(message.payload.size()),
                      .at = message.at});
  bytes_.append(message.id).append(message.from).append(message.to).append(message.payload);
}

MessageView MessageBatch::operator[](std::size_t index) const {
  const Entry& entry = entries_[index];
  const char* cursor = bytes_.data() + entry.offset;
  const auto take = [&cursor](std::size_t size) {
    const std::string_view part(cursor, size);
    cursor += size;
    return part;
  };
  MessageView view;
  view.id = take(entry.id_bytes);
  view.from = take(entry.from_bytes);
  view.to = take(entry.to_bytes);
  view.payload = take(entry.payload_bytes);
  view.at = entry.at;
  return view;
}

}  // namespace simplechat::chat

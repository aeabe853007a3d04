#include "chat/relay.h"

#include <cassert>

namespace simplechat::chat {

void DeliveryBatch::add(const DeliveryView& delivery) {
  assert(delivery.user.size() <= UINT8_MAX && delivery.frame.size() <= UINT32_MAX);
  std::size_t frame_offset = bytes_.size();
  if (!entries_.empty() && (*this)[entries_.size() - 1].frame == delivery.frame) {
    frame_offset = entries_.back().frame_offset;
  } else {
    bytes_.append(delivery.frame);
  }
  entries_.push_back({.frame_offset = frame_offset,
                      .user_offset = bytes_.size(),
                      .frame_bytes = static_cast<std::uint32_t>(delivery.frame.size()),
                      .user_bytes = static_cast<std::uint8_t>(delivery.user.size()),
                      .frame_class = delivery.frame_class});
  bytes_.append(delivery.user);
}

DeliveryView DeliveryBatch::operator[](std::size_t index) const {
  const Entry& entry = entries_[index];
  const std::string_view bytes = bytes_;
  return {.user = bytes.substr(entry.user_offset, entry.user_bytes),
          .frame = bytes.substr(entry.frame_offset, entry.frame_bytes),
          .frame_class = entry.frame_class};
}

bool DeliveryBatch::repeats_frame(std::size_t index) const {
  return index > 0 && entries_[index].frame_offset == entries_[index - 1].frame_offset;
}

}  // namespace simplechat::chat

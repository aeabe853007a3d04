#include "chat_client/seen_messages.h"

namespace simplechat::chat_client {

bool SeenMessages::add(const chat::Message& message) {
  const auto [place, is_new] = keys_.insert(key(message));
  if (!is_new) return false;
  order_.push_back(&*place);
  if (order_.size() > kMessagesMax) {
    const std::string oldest = *order_.front();
    order_.pop_front();
    keys_.erase(oldest);
  }
  return true;
}

}  // namespace simplechat::chat_client

#include "chat_client/outbox.h"

#include <algorithm>
#include <utility>

namespace simplechat::chat_client {
namespace {

bool is(const Outbox::Entry& entry, std::string_view id, std::string_view to) {
  return entry.message.id == id && (to.empty() || entry.message.to == to);
}

}  // namespace

bool Outbox::add(chat::Message message, Instant now) {
  if (contains(message.id, message.to)) return false;
  bytes_ += message.payload.size();
  entries_.push_back({.message = std::move(message), .taken_at = now});
  return true;
}

std::optional<chat::Message> Outbox::settle(std::string_view id, std::string_view to) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return is(entry, id, to); });
  if (found == entries_.end()) return std::nullopt;
  chat::Message message = std::move(found->message);
  bytes_ -= message.payload.size();
  entries_.erase(found);
  return message;
}

bool Outbox::contains(std::string_view id, std::string_view to) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) { return is(entry, id, to); });
}

void Outbox::unsend_all() {
  for (Entry& entry : entries_) entry.sent = false;
}

void Outbox::unsend(std::string_view id) {
  for (Entry& entry : entries_) {
    if (entry.message.id == id) entry.sent = false;
  }
}

}  // namespace simplechat::chat_client

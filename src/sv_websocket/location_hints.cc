#include "sv_websocket/location_hints.h"

#include <algorithm>

namespace simplechat::sv_websocket {

const std::string* LocationHints::take(std::string_view user) {
  if (users_.empty()) return nullptr;
  const auto entry = users_.find(user);
  if (entry == users_.end()) return nullptr;
  Hint& hint = entry->second;
  if (hint.waits_for <= ended_) return &urls_[hint.url];
  hint.waits_for = filling_;
  return nullptr;
}

void LocationHints::found(std::string_view user, std::string_view url, bool more_wait) {
  const auto entry = users_.find(user);
  if (entry != users_.end() && urls_[entry->second.url] == url) return;
  const LookUp waits_for = more_wait ? filling_ : filling_ - 1;
  if (entry != users_.end()) {
    entry->second = {.url = index_of(url), .waits_for = waits_for};
    return;
  }
  if (users_.size() >= kUsersMax) {
    users_.clear();
    urls_.clear();
  }
  users_.emplace(std::string(user), Hint{.url = index_of(url), .waits_for = waits_for});
}

void LocationHints::forget(std::string_view user) {
  if (users_.empty()) return;
  if (const auto entry = users_.find(user); entry != users_.end()) users_.erase(entry);
}

std::size_t LocationHints::index_of(std::string_view url) {
  const auto index = static_cast<std::size_t>(std::ranges::find(urls_, url) - urls_.begin());
  if (index == urls_.size()) urls_.emplace_back(url);
  return index;
}

}  // namespace simplechat::sv_websocket

#include "sv_websocket/missed_users.h"

#include <algorithm>
#include <utility>

namespace simplechat::sv_websocket {

void MissedUsers::routed(std::string_view user) {
  filling_.push_back(static_cast<char>(user.size()));
  filling_.append(user);
}

bool MissedUsers::note(std::string_view user, Where where, TimePoint now) {
  return note_until(user, where, now, now + kAgainAfter);
}

bool MissedUsers::note_until(std::string_view user, Where where, TimePoint since, TimePoint earliest) {
  const auto entry = noted_.find(user);
  if (entry == noted_.end()) {
    if (noted_.size() >= kUsersMax) return false;
    noted_.emplace(std::string(user), Noted{.where = where, .since = since, .earliest = earliest});
    return true;
  }
  Noted& noted = entry->second;
  noted.since = std::max(noted.since, since);
  if (where == Where::here) noted.where = where;
  return true;
}

void MissedUsers::close_bucket(TimePoint now) {
  if (!filling_.empty()) {
    buckets_.push_back(
        {.begin = filling_since_, .end = now, .users = std::exchange(filling_, std::exchange(spare_, {}))});
  }
  filling_since_ = now;
}

void MissedUsers::drop_oldest_bucket() {
  spare_ = std::move(buckets_.front().users);
  spare_.clear();
  buckets_.pop_front();
}

std::vector<MissedUsers::Due> MissedUsers::take_due(TimePoint stored_until, TimePoint now, std::size_t count_max) {
  std::vector<Due> due;
  for (auto entry = noted_.begin(); entry != noted_.end() && due.size() < count_max;) {
    const Noted& noted = entry->second;
    if (noted.since > stored_until || noted.earliest > now) {
      ++entry;
      continue;
    }
    due.push_back({.user = entry->first, .where = noted.where});
    noted_.erase(entry++);
  }
  return due;
}

}  // namespace simplechat::sv_websocket

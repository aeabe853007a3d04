// Who may have been passed over by live delivery, and must be told to resync once a sync would show what was missed.
//
// Two ways in. note(): a frame for the user could not be looked up or handed over. routed(): a message went out the
// regular way, but its recipient may have registered a session between the look-up and the commit, whose first sync
// came too early to show it. The latter are forgotten when the store has the message soon enough for the check that a
// gateway makes kCheckAfter after each registration (see Session); a message that is late is noted like the others.
//
// Time is that of routing; `stored_until` is the time up to which everything that this reactor routed is in the store
// (see StoreProgress). Lives on its reactor.
//
// Bound: kUsersMax noted; beyond, note() refuses. What routed() keeps is bounded by kLateAfter worth of messages.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sharded_map.h"

namespace simplechat::sv_websocket {

class MissedUsers {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kUsersMax = 200'000;
  // A message that is not in the store by then is late: its users are noted. With two ticks' grace that lies before
  // kCheckAfter.
  static constexpr std::chrono::milliseconds kLateAfter{1000};
  // After a registration. Everything routed before it is in the store or late by then.
  static constexpr std::chrono::milliseconds kCheckAfter{2000};
  // Between two attempts to reach a noted user.
  static constexpr std::chrono::milliseconds kAgainAfter{1000};

  enum class Where : std::uint8_t { elsewhere, here };  // sessions of other gateways, or of this one, too

  struct Due {
    std::string user;
    Where where;
  };

  // `now`: nothing is routed before.
  explicit MissedUsers(TimePoint now) : filling_since_(now) {}

  void routed(std::string_view user);
  // False if too many are noted already.
  [[nodiscard]] bool note(std::string_view user, Where where, TimePoint now);

  // Returns those of whom everything missed is in the store, at most `count_max`, and forgets them. `refused` is called
  // for each late message's user that could not be noted.
  template <class Refused>
  [[nodiscard]] std::vector<Due> advance(TimePoint stored_until, TimePoint now, std::size_t count_max,
                                         Refused refused) {
    close_bucket(now);
    while (!buckets_.empty() && buckets_.front().end <= stored_until) drop_oldest_bucket();
    while (!buckets_.empty() && buckets_.front().begin + kLateAfter < now) {
      const Bucket& late = buckets_.front();
      for_each_user(late, [&](std::string_view user) {
        if (!note_until(user, Where::here, late.end, now)) refused();
      });
      drop_oldest_bucket();
    }
    return take_due(stored_until, now, count_max);
  }

  [[nodiscard]] std::size_t noted() const { return noted_.size(); }
  // Nobody is remembered, in either way.
  [[nodiscard]] bool empty() const { return noted_.empty() && buckets_.empty() && filling_.empty(); }

 private:
  struct Bucket {
    TimePoint begin;
    TimePoint end;
    std::string users;  // each: its length in one byte, then itself
  };
  struct Noted {
    Where where;
    TimePoint since;     // the latest of what was missed
    TimePoint earliest;  // when to try
  };

  [[nodiscard]] bool note_until(std::string_view user, Where where, TimePoint since, TimePoint earliest);
  void close_bucket(TimePoint now);
  void drop_oldest_bucket();
  [[nodiscard]] std::vector<Due> take_due(TimePoint stored_until, TimePoint now, std::size_t count_max);

  template <class Visit>
  static void for_each_user(const Bucket& bucket, Visit visit) {
    for (std::size_t at = 0; at < bucket.users.size();) {
      const auto length = static_cast<unsigned char>(bucket.users[at]);
      visit(std::string_view(bucket.users).substr(at + 1, length));
      at += 1U + length;
    }
  }

  std::deque<Bucket> buckets_;  // oldest first
  std::string filling_;         // of the bucket that began at filling_since_
  TimePoint filling_since_;
  std::string spare_;  // an empty one, with its capacity
  runtime::StringMap<Noted> noted_;
};

}  // namespace simplechat::sv_websocket

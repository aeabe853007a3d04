// Where users were last found, so that a frame is on its way there while the directory is asked: a look-up is several
// round trips, and most users are where they were. Every frame is looked up all the same. What the look-up says counts:
// a place that it does not name is nothing to wait for or to worry about, and one that was not hinted gets the frame
// then.
//
// A frame must not overtake an earlier one of the same user that still waits for its look-up. Look-ups are numbered in
// the order in which they end; a hint can be taken again when the one is over in which the user's last frame without a
// hint waits.
//
// Users with sessions on several other gateways are not hinted. Lives on its reactor. Bound: kUsersMax users; at more,
// all are forgotten, and learnt anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sharded_map.h"

namespace simplechat::sv_websocket {

class LocationHints {
 public:
  using LookUp = std::uint64_t;  // its number: 1, 2, 3, ...

  static constexpr std::size_t kUsersMax = 50'000;

  // The gateway to which the user's next frame may be handed at once; nullptr if there is none, and the frame is taken
  // to wait in the look-up that fills. Valid until the next call.
  [[nodiscard]] const std::string* take(std::string_view user);

  // The look-up that filled is under way; the next one fills.
  void began() { ++filling_; }
  // It found the user on this other gateway and on no more. `more_wait`: there are frames in the one that fills.
  void found(std::string_view user, std::string_view url, bool more_wait);
  // It is over, and all its frames are on their way.
  void ended() { ++ended_; }

  // The user is on no other gateway or on several, or a frame that was given the hint has to wait for a look-up.
  void forget(std::string_view user);

  [[nodiscard]] std::size_t users() const { return users_.size(); }

 private:
  struct Hint {
    std::size_t url;  // in urls_
    LookUp waits_for;
  };

  [[nodiscard]] std::size_t index_of(std::string_view url);

  runtime::StringMap<Hint> users_;
  std::vector<std::string> urls_;  // gateways: a few
  LookUp filling_ = 1;
  LookUp ended_ = 0;
};

}  // namespace simplechat::sv_websocket

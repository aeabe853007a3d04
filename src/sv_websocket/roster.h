// Which reactors of this gateway hold sessions of a user. The one map that all reactors share; each look-up holds one
// shard's lock for a moment.
//
// Each change draws a fence in the order in which the roster changed, so that the directory can tell an older change
// from a newer one.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/reactor.h"
#include "runtime/sharded_map.h"

namespace simplechat::sv_websocket {

// Bit i: reactor i holds a session of the user.
using ReactorSet = std::uint64_t;
static_assert(runtime::kReactorsMax <= 64);

class Roster {
 public:
  struct Change {
    bool present;         // the gateway holds the user now
    std::uint64_t fence;  // greater than for every earlier change of that user
  };

  // Thread-safe, all of them. add() of what is there already draws a new fence all the same.
  Change add(std::string_view user, unsigned reactor) {
    return reactors_.update(user, [reactor](ReactorSet& set, std::uint64_t serial) {
      set |= ReactorSet{1} << reactor;
      return Change{.present = true, .fence = serial};
    });
  }
  Change remove(std::string_view user, unsigned reactor) {
    return reactors_.update(user, [reactor](ReactorSet& set, std::uint64_t serial) {
      set &= ~(ReactorSet{1} << reactor);
      return Change{.present = set != 0, .fence = serial};
    });
  }
  // The state as it is, with a new fence: to tell the directory again.
  Change confirm(std::string_view user) {
    return reactors_.update(
        user, [](ReactorSet& set, std::uint64_t serial) { return Change{.present = set != 0, .fence = serial}; });
  }
  [[nodiscard]] ReactorSet reactors(std::string_view user) const { return reactors_.get(user); }
  [[nodiscard]] std::size_t users() const { return reactors_.size(); }

 private:
  runtime::ShardedMap<ReactorSet> reactors_;
};

}  // namespace simplechat::sv_websocket

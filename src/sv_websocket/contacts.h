// Whether what one user sends may reach another: not if either has blocked the other.
//
// One for each reactor, and lives there; what it knows is the gateway's BlockTable. Where nobody has blocked anybody it
// costs a load, else a look-up for each of the two.
#pragma once

#include <string_view>

#include "chat/error.h"
#include "sv_websocket/block_table.h"

namespace simplechat::sv_websocket {

class Contacts {
 public:
  explicit Contacts(const BlockTable& blocks) : blocks_(blocks) {}

  // nullptr: it may. Otherwise what the sender is told: forbidden, or unavailable as long as it is not known who has
  // blocked whom.
  [[nodiscard]] const chat::Error* refusal(std::string_view from, std::string_view to) const {
    if (known_ && blocks_.empty()) [[likely]]
      return nullptr;
    return look(from, to);
  }

  // From now on nothing goes from one user to another until blocks_known() has been called.
  void await_blocks() { known_ = false; }
  void blocks_known() { known_ = true; }

 private:
  [[nodiscard]] const chat::Error* look(std::string_view from, std::string_view to) const;

  const BlockTable& blocks_;
  bool known_ = true;
};

}  // namespace simplechat::sv_websocket

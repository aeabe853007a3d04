#include "sv_websocket/contacts.h"

namespace simplechat::sv_websocket {

const chat::Error* Contacts::look(std::string_view from, std::string_view to) const {
  static const chat::Error kNotKnown{chat::ErrorCode::unavailable,
                                     "it is not known yet who has blocked whom; send it again"};
  static const chat::Error kBlocking{chat::ErrorCode::forbidden, "you have blocked this user; unblock them to write"};
  // Not why: that a block is the reason is the blocker's to tell.
  static const chat::Error kBlocked{chat::ErrorCode::forbidden, "this user takes no messages from you"};
  if (from == to) return nullptr;
  if (!known_) return &kNotKnown;
  if (blocks_.blocks(from, to)) return &kBlocking;
  if (blocks_.blocks(to, from)) return &kBlocked;
  return nullptr;
}

}  // namespace simplechat::sv_websocket

// Names a session of a reactor for as long as it lives, and nothing after that: a slot that is used again gets another
// generation.
#pragma once

#include <cstdint>

namespace simplechat::sv_websocket {

struct SessionKey {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 0: no session

  bool operator==(const SessionKey&) const = default;
};

}  // namespace simplechat::sv_websocket

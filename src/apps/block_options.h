// The options of a store of blocks: of simplechat serve, which has its own, and of sv-discover, which has the
// cluster's.
#pragma once

#include "chat/blocks.h"
#include "runtime/config.h"

namespace simplechat::apps {

inline void declare(runtime::Options& options, chat::BlockLimits& limits) {
  options.integer<std::size_t>("blocks-max", limits.blocks, chat::BlockLimits{}.blocks, {0, 10'000'000},
                               "blocks of one user by another that are kept");
  options.integer<std::size_t>("blocks-per-user-max", limits.of_user, chat::BlockLimits{}.of_user, {0, 10'000},
                               "users whom one user may have blocked");
}

}  // namespace simplechat::apps

// A single pass over the frame that nearly all traffic is made of. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "wire/client_frame.h"

namespace simplechat::wire {

// A valid `normal` frame whose members are all strings without escapes, as clients write it. Nothing for any other
// text, good or bad: then the full parser decides. Where both read a frame they read the same. The views point into
// `text`.
[[nodiscard]] std::optional<NormalFrame> scan_normal(std::string_view text);

}  // namespace simplechat::wire

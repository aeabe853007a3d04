// The HTTP status that goes with an error of the contract (wire contract, section 3).
#pragma once

#include "chat/error.h"

namespace simplechat::wire {

[[nodiscard]] constexpr unsigned http_status(chat::ErrorCode code) {
  switch (code) {
    case chat::ErrorCode::bad_json:
    case chat::ErrorCode::bad_frame:
    case chat::ErrorCode::unknown_type:
      return 400;
    case chat::ErrorCode::unauthorized:
      return 401;
    case chat::ErrorCode::forbidden:
      return 403;
    case chat::ErrorCode::not_found:
      return 404;
    case chat::ErrorCode::not_registered:
    case chat::ErrorCode::already_registered:
      return 409;
    case chat::ErrorCode::too_large:
      return 413;
    case chat::ErrorCode::rate_limited:
      return 429;
    case chat::ErrorCode::unavailable:
      return 503;
    case chat::ErrorCode::internal:
      return 500;
  }
  return 500;
}

}  // namespace simplechat::wire

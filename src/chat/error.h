// The failures that a client can be told of, by the names of the wire contract. Everything expected to fail returns
// Result<T>; adapters translate their driver's errors into one of these at their edge.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace simplechat::chat {

enum class ErrorCode : std::uint8_t {
  bad_json,
  bad_frame,
  unknown_type,
  not_registered,
  already_registered,
  unauthorized,
  forbidden,
  too_large,
  rate_limited,
  unavailable,  // not accepted, nothing stored: the same request may be sent again
  not_found,
  internal,
};

[[nodiscard]] constexpr std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_json:
      return "bad_json";
    case ErrorCode::bad_frame:
      return "bad_frame";
    case ErrorCode::unknown_type:
      return "unknown_type";
    case ErrorCode::not_registered:
      return "not_registered";
    case ErrorCode::already_registered:
      return "already_registered";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::rate_limited:
      return "rate_limited";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // one sentence for a person; never holds a message body or a token
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace simplechat::chat

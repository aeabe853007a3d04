// Body of POST /v1/deliver, the batched form between gateways: DeliveryBatch <-> text. Pure.
//
//   simplechat-deliver 1 <latest at>\n
//   <m|e> <user>[,<user>...] <bytes>\n<frame of that many bytes>\n      for each frame; m: message, e: ephemeral
//
// Frames go through as the bytes that reach the clients, so the receiving gateway neither parses nor encodes them.
// Deliveries that share a frame share an entry. Indexes in the answer count users in the order in which they stand
// here. The answer: {"status":"success","absent":[<index>, ...]}
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "chat/error.h"
#include "chat/relay.h"

namespace simplechat::wire {

inline constexpr std::string_view kDeliveryContentType = "application/vnd.simplechat.deliver";

void append_delivery_body(std::string& out, const chat::DeliveryBatch& batch);
// Errors: bad_frame (names what is wrong). Appends to `out` all or nothing (on error `out` is unspecified and must be
// cleared).
[[nodiscard]] chat::Result<void> parse_delivery_body(std::string_view body, chat::DeliveryBatch& out);

void append_delivery_answer(std::string& out, const std::vector<std::size_t>& absent);
[[nodiscard]] chat::Result<std::vector<std::size_t>> parse_delivery_answer(std::string_view body);

}  // namespace simplechat::wire

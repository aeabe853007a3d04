// Every bound that more than one room must agree on, and what happens there. Bounds of one room stand in its header.
#pragma once

#include <cstddef>

namespace simplechat::chat::limits {

// A client's message body. Beyond: error too_large, the connection stays.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{64} * 1024;

// A client's frame: room for a payload in which every byte is escaped as \u00XX, and the other fields. Beyond: close
// 1009.
inline constexpr std::size_t kClientFrameBytesMax = 6 * kPayloadBytesMax + std::size_t{4} * 1024;

// Records and bytes that one queue body and one store transaction take at most. More waits for the next.
inline constexpr std::size_t kBatchRecordsMax = 1000;
inline constexpr std::size_t kBatchBytesMax = std::size_t{1024} * 1024;

// What a gateway has handed to the queue without a confirm. Beyond: error unavailable to the sender, and reading from
// senders pauses at half of it.
inline constexpr std::size_t kUnconfirmedBytesMax = std::size_t{64} * 1024 * 1024;

// One session's unsent bytes. At half of it ephemeral frames are dropped; beyond: close 4008 (slow consumer).
inline constexpr std::size_t kOutboxBytesMax = std::size_t{1024} * 1024;

// One HTTP request or response between services.
inline constexpr std::size_t kHttpBodyBytesMax = std::size_t{8} * 1024 * 1024;

}  // namespace simplechat::chat::limits

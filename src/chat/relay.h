// Port: handing frames to the sessions that another gateway holds.
//
// A delivery is a client frame that is already encoded, and the users whose sessions get it. It stays these bytes from
// the gateway where it arose to the last socket, so that a frame is encoded once however many sessions, reactors and
// gateways it passes.
//
// Implementations: adapters/memory, adapters/relay_http. All pass adapters/contract/relay_contract.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/task.h"

namespace simplechat::chat {

enum class FrameClass : std::uint8_t {
  message,    // a chat message or a notice that the session must get
  ephemeral,  // typing and the like: the first to be shed when a session's outbox fills
};

struct DeliveryView {
  std::string_view user;
  std::string_view frame;  // one encoded server-to-client frame, UTF-8 JSON
  FrameClass frame_class = FrameClass::message;

  bool operator==(const DeliveryView&) const = default;
};

// Deliveries in one arena, in order. clear() keeps the capacity.
class DeliveryBatch {
 public:
  // Adds a frame for `user`. A frame that is the same as the one added last is stored once.
  void add(const DeliveryView& delivery);
  void clear() {
    bytes_.clear();
    entries_.clear();
    latest_at_ = 0;
  }

  // The latest `at` among the frames; the receiver's clock moves past it.
  void observe(Timestamp at) { latest_at_ = at > latest_at_ ? at : latest_at_; }
  [[nodiscard]] Timestamp latest_at() const { return latest_at_; }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
  [[nodiscard]] DeliveryView operator[](std::size_t index) const;
  // Whether entry `index` carries the same stored frame as entry `index - 1`.
  [[nodiscard]] bool repeats_frame(std::size_t index) const;

 private:
  struct Entry {
    std::size_t frame_offset;
    std::size_t user_offset;
    std::uint32_t frame_bytes;
    std::uint8_t user_bytes;
    FrameClass frame_class;
  };

  std::string bytes_;
  std::vector<Entry> entries_;
  Timestamp latest_at_ = 0;
};

class Relay {
 public:
  virtual ~Relay() = default;

  // Hands the batch to the gateway at `url`; ends when that gateway has taken it. Returns the indexes of the deliveries
  // whose user it does not hold, for which the caller looks up the directory again. On an error the gateway may or may
  // not have it.
  virtual Task<Result<std::vector<std::size_t>>> deliver(const std::string& url, const DeliveryBatch& batch) = 0;
};

}  // namespace simplechat::chat

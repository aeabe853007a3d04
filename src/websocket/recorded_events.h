// For this room's tests and fuzzer: decoder events as comparable values, and frames with any defect.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "websocket/decoder.h"

namespace simplechat::websocket {

struct RecordedEvent {
  enum class Kind : std::uint8_t { kText, kBinary, kPing, kPong, kClose, kFailure };
  Kind kind;
  std::string payload;     // or the reason
  std::uint16_t code = 0;  // of kClose and kFailure

  bool operator==(const RecordedEvent&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const RecordedEvent& event) {
  constexpr std::size_t kShownBytesMax = 60;
  return out << "{kind " << static_cast<int>(event.kind) << " code " << event.code << " bytes " << event.payload.size()
             << ' ' << event.payload.substr(0, kShownBytesMax) << '}';
}

using RecordedEvents = std::vector<RecordedEvent>;

// A decoder that keeps what it found, a failure included.
class Recording : public DecoderEvents {
 public:
  explicit Recording(DecoderLimits limits, Role role = Role::kServer) : decoder(limits, role) {}
  virtual ~Recording() = default;

  // Returns false from the failure on.
  bool feed(std::string_view bytes) {
    std::string copy(bytes);  // the decoder overwrites what it is fed
    if (const std::optional<Failure> failure = decoder.feed(copy, *this)) {
      events.push_back(
          {RecordedEvent::Kind::kFailure, std::string(failure->reason), std::to_underlying(failure->code)});
      failed = true;
    }
    return !failed;
  }

  void feed_in_pieces(std::string_view bytes, std::size_t piece_bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) feed(bytes.substr(at, piece_bytes));
  }

  void on_text(std::string_view message) override {
    events.push_back({RecordedEvent::Kind::kText, std::string(message)});
  }
  void on_binary(std::string_view message) override {
    events.push_back({RecordedEvent::Kind::kBinary, std::string(message)});
  }
  void on_ping(std::string_view payload) override {
    events.push_back({RecordedEvent::Kind::kPing, std::string(payload)});
  }
  void on_pong(std::string_view payload) override {
    events.push_back({RecordedEvent::Kind::kPong, std::string(payload)});
  }
  void on_close(std::uint16_t code, std::string_view reason) override {
    events.push_back({RecordedEvent::Kind::kClose, std::string(reason), code});
  }

  Decoder decoder;
  RecordedEvents events;
  bool failed = false;
};

// A client's frame with any first byte (FIN, reserved bits, opcode) and its length in any of the three forms.
struct RawFrame {
  enum class Length : std::uint8_t { kShortest, kTwoBytes, kEightBytes };
  std::uint8_t first_byte;
  std::string_view payload;
  bool masked = true;
  Length length = Length::kShortest;

  [[nodiscard]] std::string bytes() const {
    std::string out{static_cast<char>(first_byte)};
    const std::uint8_t mask_bit = masked ? 0x80 : 0;
    const auto append_length = [&](std::uint8_t marker, int length_bytes) {
      out.push_back(static_cast<char>(mask_bit | marker));
      for (int i = length_bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
    };
    if (length == Length::kEightBytes || payload.size() > 0xffff) {
      append_length(127, 8);
    } else if (length == Length::kTwoBytes || payload.size() > 125) {
      append_length(126, 2);
    } else {
      append_length(static_cast<std::uint8_t>(payload.size()), 0);
    }
    constexpr std::string_view kKey = "\x37\xfa\x21\x3d";
    if (masked) out.append(kKey);
    for (std::size_t i = 0; i < payload.size(); ++i) {
      out.push_back(static_cast<char>(masked ? payload[i] ^ kKey[i % kKey.size()] : payload[i]));
    }
    return out;
  }
};

inline constexpr std::uint8_t kFinBit = 0x80;

// A well-formed client frame, final or to be continued.
inline std::string client_frame(Opcode opcode, std::string_view payload) {
  return RawFrame{static_cast<std::uint8_t>(kFinBit | std::to_underlying(opcode)), payload}.bytes();
}
inline std::string client_fragment(Opcode opcode, std::string_view payload) {
  return RawFrame{std::to_underlying(opcode), payload}.bytes();
}

}  // namespace simplechat::websocket

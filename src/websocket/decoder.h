// The receiving half of a WebSocket connection (RFC 6455 5 to 8), sans I/O: bytes in, messages out.
//
// One Decoder a connection; it lives on the connection's reactor and is not thread-safe. While nothing is half received
// it owns no memory, so an idle connection costs sizeof(Decoder). A message that lies wholly in the bytes fed is
// unmasked there and handed on as a view; only what is cut by a read's end, or fragmented, is gathered on the heap,
// growing with the bytes that came and never with the length announced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "websocket/close_code.h"
#include "websocket/opcode.h"

namespace simplechat::websocket {

struct DecoderLimits {
  std::size_t
      message_bytes_max;  // all fragments of one message together. Beyond: failure kMessageTooBig, at the header
};

// Why the peer broke the protocol: close the connection with this code and reason (RFC 6455 7.1.7).
struct Failure {
  CloseCode code;
  std::string_view reason;  // a string literal of at most 123 bytes
};

// What the decoder found. Views end with the call. A callback may call Decoder::stop(), but not feed() nor the
// destructor.
class DecoderEvents {
 public:
  virtual void on_text(std::string_view message) = 0;  // whole, valid UTF-8
  virtual void on_binary(std::string_view message) = 0;
  virtual void on_ping(
      std::string_view payload) = 0;  // at most 125 bytes; to be answered by a pong with the same payload (5.5.2)
  virtual void on_pong(std::string_view payload) = 0;
  // The last event: what comes behind a close frame is ignored. `code` is kNoStatusReceived (1005) if the frame had no
  // body.
  virtual void on_close(std::uint16_t code, std::string_view reason) = 0;

 protected:
  ~DecoderEvents() = default;
};

class Decoder {
 public:
  explicit Decoder(DecoderLimits limits, Role role = Role::kServer);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // Takes all of `bytes`, which it overwrites, and calls `events` for what they complete. Returns the failure as soon
  // as no further bytes could make the stream valid; after that, after a close frame and after stop() the decoder
  // ignores everything.
  [[nodiscard]] std::optional<Failure> feed(std::span<char> bytes, DecoderEvents& events);

  // No more events, also not for the rest of the bytes being fed. Frees what was gathered.
  void stop();

  // Nothing is half received: no frame is cut, no fragmented message is open.
  [[nodiscard]] bool idle() const { return partial_ == nullptr; }
  // On the heap, for what is half received.
  [[nodiscard]] std::size_t gathered_bytes() const;

 private:
  struct FrameHeader;
  struct Partial;

  [[nodiscard]] std::expected<FrameHeader, Failure> parse_header(std::span<const char> bytes) const;
  [[nodiscard]] std::expected<FrameHeader, Failure> take_header(std::span<char>& bytes);
  [[nodiscard]] std::optional<Failure> take_frame(std::span<char>& bytes, DecoderEvents& events);
  [[nodiscard]] std::optional<Failure> take_payload(std::span<char>& bytes, DecoderEvents& events);
  [[nodiscard]] std::optional<Failure> finish_control(DecoderEvents& events);
  [[nodiscard]] std::optional<Failure> finish_message(DecoderEvents& events);
  [[nodiscard]] std::optional<Failure> deliver_control(Opcode opcode, std::string_view payload, DecoderEvents& events);
  [[nodiscard]] std::optional<Failure> deliver_close(std::string_view payload, DecoderEvents& events);
  Partial& partial();
  void free_partial_if_done();
  [[nodiscard]] bool in_frame() const;
  [[nodiscard]] bool in_message() const;

  DecoderLimits limits_;
  std::unique_ptr<Partial> partial_;
  Role role_;
  bool stopped_ = false;
};

static_assert(sizeof(Decoder) <= 24, "every idle connection pays for this");

}  // namespace simplechat::websocket

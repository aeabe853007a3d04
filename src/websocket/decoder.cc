#include "websocket/decoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "websocket/mask.h"
#include "websocket/utf8.h"

namespace simplechat::websocket {

struct Decoder::FrameHeader {
  std::size_t header_bytes = 0;  // 0: more bytes are needed
  std::uint64_t payload_bytes = 0;
  MaskKey mask_key = 0;  // 0, which changes nothing, for unmasked frames
  Opcode opcode = Opcode::kContinuation;
  bool fin = false;

  // A whole message, or a control frame: needs nothing that came before it.
  [[nodiscard]] bool stands_alone() const { return fin && opcode != Opcode::kContinuation; }
};

struct Decoder::Partial {
  // The header of a frame, while it is cut.
  std::array<char, kClientHeaderBytesMax> header;
  std::uint8_t header_bytes = 0;

  // The frame whose payload is being received.
  bool in_frame = false;
  bool fin = false;
  Opcode opcode = Opcode::kContinuation;
  MaskKey mask_key = 0;  // of the next byte
  std::uint64_t missing_bytes = 0;

  std::uint8_t control_bytes = 0;
  std::array<char, kControlPayloadBytesMax> control;

  // The data message that is open, across its frames.
  std::optional<Opcode> message_opcode;
  Utf8Validator utf8;
  std::string message;  // doubles its room as needed, so that each byte is copied a constant number of times
};

namespace {

constexpr Failure kInvalidUtf8{CloseCode::kInvalidPayload, "text is not valid UTF-8"};

constexpr Failure protocol_error(std::string_view reason) { return {CloseCode::kProtocolError, reason}; }

std::uint64_t big_endian(std::span<const char> bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

std::string_view view(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

// RFC 6455 5.2, 5.4 and 5.5: what the first byte of a frame may be.
std::optional<Failure> check_first_byte(std::uint8_t first, bool in_message) {
  if ((first & 0x70) != 0) return protocol_error("a reserved bit is set");
  const bool fin = (first & 0x80) != 0;
  switch (static_cast<Opcode>(first & 0x0f)) {
    case Opcode::kContinuation:
      return in_message ? std::nullopt : std::optional(protocol_error("continuation without a message"));
    case Opcode::kText:
    case Opcode::kBinary:
      return in_message ? std::optional(protocol_error("new message inside a fragmented one")) : std::nullopt;
    case Opcode::kClose:
    case Opcode::kPing:
    case Opcode::kPong:
      return fin ? std::nullopt : std::optional(protocol_error("fragmented control frame"));
  }
  return protocol_error("reserved opcode");
}

}  // namespace

Decoder::Decoder(DecoderLimits limits, Role role) : limits_(limits), role_(role) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

std::optional<Failure> Decoder::feed(std::span<char> bytes, DecoderEvents& events) {
  while (!stopped_ && !bytes.empty()) {
    std::optional<Failure> failure = in_frame() ? take_payload(bytes, events) : take_frame(bytes, events);
    if (failure) {
      stop();
      return failure;
    }
  }
  return std::nullopt;
}

void Decoder::stop() {
  stopped_ = true;
  partial_.reset();
}

std::size_t Decoder::gathered_bytes() const { return partial_ ? sizeof(Partial) + partial_->message.capacity() : 0; }

// Checks each byte as soon as it is there, so that a stream fails at the same byte however it is cut.
std::expected<Decoder::FrameHeader, Failure> Decoder::parse_header(std::span<const char> bytes) const {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  if (const std::optional<Failure> failure = check_first_byte(first, in_message())) return std::unexpected(*failure);
  if (bytes.size() < 2) return FrameHeader{};

  FrameHeader header;
  header.opcode = static_cast<Opcode>(first & 0x0f);
  header.fin = (first & 0x80) != 0;
  const auto second = static_cast<std::uint8_t>(bytes[1]);
  const bool masked = (second & 0x80) != 0;
  if (masked != (role_ == Role::kServer)) {
    return std::unexpected(
        protocol_error(masked ? "server frames must not be masked" : "client frames must be masked"));
  }

  const std::uint8_t short_length = second & 0x7f;
  if (is_control(header.opcode) && short_length > kControlPayloadBytesMax) {
    return std::unexpected(protocol_error("control frame longer than 125 bytes"));
  }
  const std::size_t length_bytes = short_length < 126 ? 0 : short_length == 126 ? 2 : 8;
  if (bytes.size() < 2 + length_bytes) return FrameHeader{};
  header.payload_bytes = length_bytes == 0 ? short_length : big_endian(bytes.subspan(2, length_bytes));
  if (header.payload_bytes >> 63 != 0) return std::unexpected(protocol_error("the top bit of the length is set"));
  if ((length_bytes == 2 && header.payload_bytes < 126) || (length_bytes == 8 && header.payload_bytes <= 0xffff)) {
    return std::unexpected(protocol_error("length not in its shortest form"));
  }
  const std::size_t room = limits_.message_bytes_max - (in_message() ? partial_->message.size() : 0);
  if (!is_control(header.opcode) && header.payload_bytes > room) {
    return std::unexpected(Failure{CloseCode::kMessageTooBig, "message too big"});
  }

  std::size_t size = 2 + length_bytes;
  if (masked) {
    if (bytes.size() < size + sizeof(MaskKey)) return FrameHeader{};
    std::memcpy(&header.mask_key, bytes.data() + size, sizeof(MaskKey));
    size += sizeof(MaskKey);
  }
  header.header_bytes = size;
  return header;
}

// Cuts a header off the front of `bytes`, with what is kept of it from earlier reads; keeps it if it is still not
// whole.
std::expected<Decoder::FrameHeader, Failure> Decoder::take_header(std::span<char>& bytes) {
  const std::size_t kept = partial_ ? partial_->header_bytes : 0;
  std::span<const char> known = bytes;
  if (kept > 0) {
    const std::size_t added = std::min(partial_->header.size() - kept, bytes.size());
    std::copy_n(bytes.begin(), added, partial_->header.begin() + kept);
    known = std::span(partial_->header).first(kept + added);
  }
  const std::expected<FrameHeader, Failure> header = parse_header(known);
  if (!header) return header;
  if (header->header_bytes == 0) {
    if (kept == 0) std::ranges::copy(known, partial().header.begin());
    partial_->header_bytes = static_cast<std::uint8_t>(known.size());
    bytes = {};
    return header;
  }
  if (kept > 0) partial_->header_bytes = 0;
  bytes = bytes.subspan(header->header_bytes - kept);
  return header;
}

// At a frame's start: hands it on in place if it is all here and stands alone; otherwise begins to gather it.
std::optional<Failure> Decoder::take_frame(std::span<char>& bytes, DecoderEvents& events) {
  const std::expected<FrameHeader, Failure> header = take_header(bytes);
  if (!header) return header.error();
  if (header->header_bytes == 0) return std::nullopt;

  if (!header->stands_alone() || header->payload_bytes > bytes.size()) {
    Partial& gathered = partial();
    gathered.in_frame = true;
    gathered.fin = header->fin;
    gathered.opcode = header->opcode;
    gathered.mask_key = header->mask_key;
    gathered.missing_bytes = header->payload_bytes;
    if (header->opcode == Opcode::kText || header->opcode == Opcode::kBinary) gathered.message_opcode = header->opcode;
    return take_payload(bytes, events);
  }

  free_partial_if_done();
  const std::span<char> payload = bytes.first(header->payload_bytes);
  bytes = bytes.subspan(payload.size());
  const std::uint64_t seen = apply_mask(payload, header->mask_key);
  if (header->opcode == Opcode::kText) {
    if ((seen & kHighBits) != 0 && !is_utf8(view(payload))) return kInvalidUtf8;
    events.on_text(view(payload));
    return std::nullopt;
  }
  if (header->opcode == Opcode::kBinary) {
    events.on_binary(view(payload));
    return std::nullopt;
  }
  return deliver_control(header->opcode, view(payload), events);
}

// Inside a frame that is gathered: takes its next bytes, also none if its payload is empty.
std::optional<Failure> Decoder::take_payload(std::span<char>& bytes, DecoderEvents& events) {
  Partial& gathered = *partial_;
  const std::span<char> piece = bytes.first(std::min<std::uint64_t>(gathered.missing_bytes, bytes.size()));
  bytes = bytes.subspan(piece.size());
  apply_mask(piece, gathered.mask_key);
  gathered.mask_key = advance_mask(gathered.mask_key, piece.size());
  gathered.missing_bytes -= piece.size();

  if (is_control(gathered.opcode)) {
    std::ranges::copy(piece, gathered.control.begin() + gathered.control_bytes);
    gathered.control_bytes += static_cast<std::uint8_t>(piece.size());
  } else {
    if (gathered.message_opcode == Opcode::kText && !gathered.utf8.feed(view(piece))) return kInvalidUtf8;
    gathered.message.append(view(piece));
  }
  if (gathered.missing_bytes > 0) return std::nullopt;

  gathered.in_frame = false;
  if (is_control(gathered.opcode)) return finish_control(events);
  return gathered.fin ? finish_message(events) : std::nullopt;
}

std::optional<Failure> Decoder::finish_control(DecoderEvents& events) {
  // Copied, because the callback may stop() and so free the original.
  const std::array<char, kControlPayloadBytesMax> control = partial_->control;
  const std::size_t size = std::exchange(partial_->control_bytes, 0);
  const Opcode opcode = partial_->opcode;
  free_partial_if_done();
  return deliver_control(opcode, std::string_view(control.data(), size), events);
}

std::optional<Failure> Decoder::finish_message(DecoderEvents& events) {
  const bool text = partial_->message_opcode == Opcode::kText;
  if (text && !partial_->utf8.complete()) return kInvalidUtf8;
  const std::string message = std::move(partial_->message);
  partial_.reset();
  if (text) {
    events.on_text(message);
  } else {
    events.on_binary(message);
  }
  return std::nullopt;
}

std::optional<Failure> Decoder::deliver_control(Opcode opcode, std::string_view payload, DecoderEvents& events) {
  if (opcode == Opcode::kClose) return deliver_close(payload, events);
  if (opcode == Opcode::kPing) {
    events.on_ping(payload);
  } else {
    events.on_pong(payload);
  }
  return std::nullopt;
}

// RFC 6455 5.5.1: nothing, or a code in two bytes and a reason in UTF-8.
std::optional<Failure> Decoder::deliver_close(std::string_view payload, DecoderEvents& events) {
  if (payload.size() == 1) return protocol_error("close frame with half a code");
  std::uint16_t code = kNoStatusReceived;
  if (!payload.empty()) {
    code = static_cast<std::uint16_t>(big_endian(payload.substr(0, 2)));
    if (!is_valid_received_close_code(code)) return protocol_error("invalid close code");
    payload.remove_prefix(2);
    if (!is_utf8(payload)) return Failure{CloseCode::kInvalidPayload, "close reason is not valid UTF-8"};
  }
  stop();
  events.on_close(code, payload);
  return std::nullopt;
}

Decoder::Partial& Decoder::partial() {
  if (!partial_) partial_ = std::make_unique<Partial>();
  return *partial_;
}

void Decoder::free_partial_if_done() {
  if (partial_ && !in_frame() && !in_message() && partial_->header_bytes == 0) partial_.reset();
}

bool Decoder::in_frame() const { return partial_ && partial_->in_frame; }

// Between frames: a fragmented message is open.
bool Decoder::in_message() const { return partial_ && partial_->message_opcode.has_value(); }

}  // namespace simplechat::websocket

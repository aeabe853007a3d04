// libFuzzer: whatever the bytes, feeding them in pieces gives the events of feeding them whole, and what was decoded
// decodes to itself after encoding. The input's first three bytes choose the role, the limit and the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "runtime/fuzz_target.h"
#include "websocket/client_codec.h"
#include "websocket/encoder.h"
#include "websocket/recorded_events.h"
#include "websocket/utf8.h"

namespace simplechat::websocket {
namespace {

using runtime::fuzz::require;
using Kind = RecordedEvent::Kind;

Opcode opcode_of(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return Opcode::kText;
    case Kind::kBinary:
      return Opcode::kBinary;
    case Kind::kPing:
      return Opcode::kPing;
    case Kind::kPong:
      return Opcode::kPong;
    case Kind::kClose:
    case Kind::kFailure:
      break;
  }
  return Opcode::kClose;
}

std::string encode(const RecordedEvents& events, Role receiver) {
  std::string out;
  MaskKey key = 0x9d3c'55a1;
  for (const RecordedEvent& event : events) {
    if (event.kind == Kind::kFailure) continue;
    if (receiver == Role::kServer) {
      std::string payload = event.payload;
      if (event.kind == Kind::kClose && event.code != kNoStatusReceived) {
        payload.insert(0, {static_cast<char>(event.code >> 8), static_cast<char>(event.code & 0xff)});
      }
      append_masked_frame(out, opcode_of(event.kind), payload, key++);
    } else if (event.kind == Kind::kClose) {
      append_close(out, event.code, event.payload);
    } else {
      append_frame(out, opcode_of(event.kind), event.payload);
    }
  }
  return out;
}

void check(std::string_view bytes, Role role, DecoderLimits limits, std::uint32_t seed) {
  Recording whole(limits, role);
  whole.feed(bytes);

  Recording split(limits, role);
  std::minstd_rand random(seed);
  const std::size_t piece_bytes_max = 1 + seed % 29;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = 1 + random() % piece_bytes_max;
    split.feed(bytes.substr(at, size));
    at += size;
  }
  require(split.events == whole.events);
  require(split.decoder.idle() == whole.decoder.idle());

  for (const RecordedEvent& event : whole.events) {
    if (event.kind == Kind::kText || event.kind == Kind::kClose) require(is_utf8(event.payload));
    if (event.kind == Kind::kText || event.kind == Kind::kBinary)
      require(event.payload.size() <= limits.message_bytes_max);
  }

  Recording again(limits, role);
  again.feed(encode(whole.events, role));
  if (whole.failed) whole.events.pop_back();
  require(again.events == whole.events);
}

}  // namespace
}  // namespace simplechat::websocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simplechat::websocket;
  constexpr std::size_t kChoices = 3;
  if (size < kChoices) return 0;
  const Role role = (data[0] & 1) != 0 ? Role::kClient : Role::kServer;
  const DecoderLimits limits{.message_bytes_max = std::size_t{data[1]} * 4};
  const std::string bytes(reinterpret_cast<const char*>(data) + kChoices, size - kChoices);
  check(bytes, role, limits, 1U + data[2]);
  return 0;
}

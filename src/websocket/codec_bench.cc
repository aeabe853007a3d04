// What the codec costs a frame: codec_bench --benchmark_counters_tabular=true
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "websocket/client_codec.h"
#include "websocket/decoder.h"
#include "websocket/encoder.h"
#include "websocket/utf8.h"

namespace simplechat::websocket {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr DecoderLimits kLimits{.message_bytes_max = 1024 * 1024};

struct Echo final : DecoderEvents {
  void on_text(std::string_view message) override {
    ++frames;
    if (echo) append_text(out, message);
    benchmark::DoNotOptimize(message.data());
  }
  void on_binary(std::string_view message) override { on_text(message); }
  void on_ping(std::string_view) override {}
  void on_pong(std::string_view) override {}
  void on_close(std::uint16_t, std::string_view) override {}

  std::string out;
  bool echo = false;
  std::uint64_t frames = 0;
};

// As many whole frames as fit one read. No octet of the key has its high bit, and the key applied twice is nothing: so
// a buffer that was decoded holds, masked, another text that costs the same to decode, and need not be restored between
// rounds.
std::string frames_of(std::string_view payload, Opcode opcode = Opcode::kText) {
  constexpr MaskKey kKey = 0x15'2b'4c'33;
  std::string out;
  do append_masked_frame(out, opcode, payload, kKey);
  while (out.size() + payload.size() + kClientHeaderBytesMax <= kReadBytes);
  return out;
}

void report(benchmark::State& state, const Echo& events) {
  state.counters["time_per_frame"] =
      benchmark::Counter(static_cast<double>(events.frames), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["frames_per_s"] = benchmark::Counter(static_cast<double>(events.frames), benchmark::Counter::kIsRate);
}

void decode(benchmark::State& state, std::string bytes, bool echo, std::size_t piece_bytes = kReadBytes * 2) {
  Decoder decoder(kLimits);
  Echo events;
  events.echo = echo;
  for (auto round : state) {
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
      if (decoder.feed(std::span(bytes).subspan(at, std::min(piece_bytes, bytes.size() - at)), events)) {
        return state.SkipWithError("the decoder refused the frames");
      }
    }
    events.out.clear();
  }
  report(state, events);
}

void BM_Decode(benchmark::State& state) {
  decode(state, frames_of(std::string(static_cast<std::size_t>(state.range(0)), 'x')), false);
}
BENCHMARK(BM_Decode)->Arg(20)->Arg(100)->Arg(200)->Arg(1000)->Arg(60'000);

void BM_Echo(benchmark::State& state) {
  decode(state, frames_of(std::string(static_cast<std::size_t>(state.range(0)), 'x')), true);
}
BENCHMARK(BM_Echo)->Arg(20)->Arg(100)->Arg(200)->Arg(1000);

// Every frame cut by a read's end: what gathering costs.
void BM_DecodeCutFrames(benchmark::State& state) { decode(state, frames_of(std::string(100, 'x')), false, 60); }
BENCHMARK(BM_DecodeCutFrames);

void BM_Utf8(benchmark::State& state, std::string_view character) {
  std::string text;
  while (text.size() < 4096) text += character;
  for (auto round : state) benchmark::DoNotOptimize(is_utf8(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(BM_Utf8, ascii, "a");
BENCHMARK_CAPTURE(BM_Utf8, cyrillic, "\xd0\x96");
BENCHMARK_CAPTURE(BM_Utf8, han, "\xe4\xb8\xad");
BENCHMARK_CAPTURE(BM_Utf8, german, "Gr\xc3\xbc\xc3\x9f Gott, ");
BENCHMARK_CAPTURE(BM_Utf8, emoji, "\xf0\x9f\x98\x80");

}  // namespace
}  // namespace simplechat::websocket

// What a message costs between bytes and values: the client's frame in, the server's frames out, a delivery between
// gateways.

#include <benchmark/benchmark.h>

#include "wire/client_frame.h"
#include "wire/delivery_body.h"
#include "wire/queue_body.h"
#include "wire/server_frame.h"

namespace simplechat::wire {
namespace {

// `payload_bytes` of plain text with a space every eight bytes.
std::string payload_of(std::int64_t payload_bytes) {
  std::string payload(static_cast<std::size_t>(payload_bytes), 'x');
  for (std::size_t i = 7; i < payload.size(); i += 8) payload[i] = ' ';
  return payload;
}

chat::MessageView message_of(std::string_view payload) {
  return {.id = "0190b3a0-7f3c-7cc0-b1c5-1d2e3f405162",
          .from = "alice",
          .to = "bob",
          .payload = payload,
          .at = 1717243200000000};
}

void parse_normal(benchmark::State& state) {
  const std::string text = R"({"type":"normal","id":"0190b3a0-7f3c-7cc0-b1c5-1d2e3f405162","to":"bob","payload":")" +
                           payload_of(state.range(0)) + "\"}";
  FrameParser parser;
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_normal)->Arg(100)->Arg(1000)->Arg(65536);

void append_normal_frame(benchmark::State& state) {
  const std::string payload = payload_of(state.range(0));
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_normal(out, message_of(payload));
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}
BENCHMARK(append_normal_frame)->Arg(100)->Arg(1000)->Arg(65536);

constexpr int kBatch = 100;  // messages; the benchmarks below give the time of one

void append_delivery(benchmark::State& state) {
  std::string frame;
  append_normal(frame, message_of(payload_of(state.range(0))));
  chat::DeliveryBatch batch;
  for (int i = 0; i < kBatch; ++i) batch.add({.user = "bob", .frame = frame + std::to_string(i)});
  std::string body;
  for (auto _ : state) {
    body.clear();
    append_delivery_body(body, batch);
    benchmark::DoNotOptimize(body.data());
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(append_delivery)->Arg(100);

void parse_delivery(benchmark::State& state) {
  std::string frame;
  append_normal(frame, message_of(payload_of(state.range(0))));
  chat::DeliveryBatch batch;
  for (int i = 0; i < kBatch; ++i) batch.add({.user = "bob", .frame = frame + std::to_string(i)});
  std::string body;
  append_delivery_body(body, batch);
  for (auto _ : state) {
    batch.clear();
    benchmark::DoNotOptimize(parse_delivery_body(body, batch));
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(parse_delivery)->Arg(100);

void parse_queue(benchmark::State& state) {
  const std::string payload = payload_of(state.range(0));
  chat::RecordBatch batch;
  for (int i = 0; i < kBatch; ++i) batch.messages.add(message_of(payload));
  std::string body;
  append_queue_body(body, batch);
  QueueBodyParser parser;
  const QueueDefaults defaults{.make_id = [] { return std::string(); }, .now = [] { return chat::Timestamp{}; }};
  for (auto _ : state) {
    batch.clear();
    benchmark::DoNotOptimize(parser.parse(body, defaults, batch));
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(parse_queue)->Arg(100);

}  // namespace
}  // namespace simplechat::wire
